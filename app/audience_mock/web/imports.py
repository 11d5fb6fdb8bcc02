"""FastAPI, imported so that pydantic builds its models of OpenAPI at the first description, not at every
start.

They take half of FastAPI's import. `defer_build` is inherited, and this is all that a base class can be told.
"""

from pydantic import BaseModel, ConfigDict

_kept = BaseModel.model_config
BaseModel.model_config = ConfigDict(defer_build=True)
try:
    pass
finally:
    BaseModel.model_config = _kept
