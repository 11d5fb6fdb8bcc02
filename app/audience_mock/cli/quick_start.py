"""What makes the command start quickly; for processes that are this command's own."""

import os


def skip_pydantic_plugins() -> None:
    """Keep pydantic from looking through all installed packages for plugins, unless the environment says
    otherwise. To be called before pydantic is imported."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def import_fastapi() -> None:
    """Import FastAPI and leave pydantic's building of its OpenAPI models to the first description.

    They take a sixth of a start. `defer_build` is inherited, and the class that all models inherit from is
    the only place to set it, so it is set during this import, and only in the command's own process.
    """
    from pydantic import BaseModel, ConfigDict

    kept = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    try:
        import fastapi.openapi.models  # noqa: F401
    finally:
        BaseModel.model_config = kept
