"""Models of what goes over the wire."""

from pydantic import BaseModel, ConfigDict


class ApiModel(BaseModel):
    """Built when it is first asked for something: pydantic takes a millisecond or more for each of the ninety
    models, and hardly any client sends something to all of them."""

    model_config = ConfigDict(defer_build=True)
