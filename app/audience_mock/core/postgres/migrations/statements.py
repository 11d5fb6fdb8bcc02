"""The statements of a migration, kept as text: what the models say later does not change it."""

from pathlib import Path

from alembic import op

_END = ";\n\n"


def run(name: str) -> None:
    """Run a file of `versions`. Each of its statements ends with a semicolon and an empty line."""
    text = Path(__file__).with_name("versions").joinpath(name).read_text("utf-8")
    for statement in text.strip().removesuffix(";").split(_END):
        op.get_bind().exec_driver_sql(statement)
