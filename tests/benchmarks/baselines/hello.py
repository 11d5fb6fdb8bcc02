"""The minimum that FastAPI and SQLModel start with: their imports, one table, one route."""

from fastapi import FastAPI
from sqlalchemy.pool import StaticPool
from sqlmodel import Field, SQLModel, create_engine


class Thing(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
SQLModel.metadata.create_all(engine)
app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    return {"hello": "world"}
