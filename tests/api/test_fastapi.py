"""The server is a FastAPI application: what FastAPI's documents say of one works on it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Form, Header, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.app import create_app
from audience_mock.providers.pinterest.route import PinterestRoute
from audience_mock.settings import Settings
from audience_mock.web.provider_app import ProviderApp
from audience_mock.web.request import MockRequest
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"


@pytest.fixture
def app() -> Iterator[FastAPI]:
    made = create_app(Settings())
    yield made
    made.state.worlds.close()


@pytest.fixture
def pinterest(app: FastAPI) -> ProviderApp:
    """The application of Pinterest's API, which a developer adds routes to."""
    api: ProviderApp = app.state.providers["pinterest"]
    return api


def test_a_route_a_middleware_an_override_and_a_test_client(app: FastAPI) -> None:
    """Ten ordinary lines of FastAPI."""

    def who() -> str:
        return "nobody"

    @app.get("/hello")
    async def hello(name: Annotated[str, Depends(who)]) -> dict[str, str]:
        return {"hello": name}

    @app.middleware("http")
    async def stamp(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-stamp"] = "seen"
        return response

    app.dependency_overrides[who] = lambda: "world"
    client = TestClient(app)
    assert client.get("/hello").json() == {"hello": "world"}
    listed = client.get(AUDIENCES, headers=PINTEREST_TOKEN)
    assert (listed.json()["items"], listed.headers["x-stamp"]) == ([], "seen")


class Note(BaseModel):
    text: str


class Filter(BaseModel):
    page_size: int = 25


def limit() -> int:
    return 7


router = APIRouter(route_class=PinterestRoute)


@router.get("/ad_accounts/{ad_account_id}/notes", operation_id="notes/list")
async def list_notes(
    request: MockRequest,
    ad_account_id: str,
    most: Annotated[int, Depends(limit)],
    filter: Annotated[Filter, Query()],
    x_trace: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    return {"account": ad_account_id, "most": most, "page_size": filter.page_size, "trace": x_trace}


@router.post("/ad_accounts/{ad_account_id}/notes", operation_id="notes/create", status_code=201)
async def create_note(ad_account_id: str, note: Annotated[Note, Form()]) -> Note:
    if note.text == "teapot":
        raise HTTPException(418)
    return note


def test_fastapi_calls_a_handler_that_asks_for_its_own(app: FastAPI, pinterest: ProviderApp) -> None:
    """Depends, Header, Query and Form work on this server's route class, its path parameters beside them."""
    pinterest.include_router(router)
    client = TestClient(app, headers=PINTEREST_TOKEN)
    asked = client.get("/v5/ad_accounts/7/notes?page_size=3", headers={"X-Trace": "t"})
    assert asked.json() == {"account": "7", "most": 7, "page_size": 3, "trace": "t"}
    pinterest.dependency_overrides[limit] = lambda: 1
    assert client.get("/v5/ad_accounts/7/notes").json()["most"] == 1
    made = client.post("/v5/ad_accounts/7/notes", data={"text": "hello"})
    assert (made.status_code, made.json()) == (201, {"text": "hello"})


def test_such_a_handler_has_the_providers_order_of_things(app: FastAPI, pinterest: ProviderApp) -> None:
    """The caller comes before the body, errors are Pinterest's, faults meet it and the journal has it."""
    pinterest.include_router(router)
    client = TestClient(app)
    notes = "/v5/ad_accounts/7/notes"
    assert client.post(notes, data={}).json()["code"] == 2, "no token, though the form is wrong too"
    client.headers.update(PINTEREST_TOKEN)
    wrong = client.post(notes, data={})
    assert (wrong.status_code, wrong.json()["message"]) == (
        400,
        "Invalid request: 'text' is a required property",
    )
    assert client.get(f"{notes}?page_size=x").status_code == 400
    assert client.post(notes, data={"text": "teapot"}).status_code == 418
    assert client.delete(notes).status_code == 405
    broken = client.get(notes, headers={"X-Audience-Mock-Fault": "status=503"})
    assert broken.json()["code"] == 12
    recorded = [entry.record[1] for entry in app.state.worlds.default.journal]
    assert recorded == ["notes/create"] * 2 + ["notes/list", "notes/create", None, "notes/list"]


def test_a_router_is_included_with_a_prefix(app: FastAPI, pinterest: ProviderApp) -> None:
    """As in any FastAPI application."""
    pinterest.include_router(router, prefix="/beta")
    client = TestClient(app, headers=PINTEREST_TOKEN)
    assert client.get("/v5/beta/ad_accounts/7/notes").json()["account"] == "7"
    assert client.get("/v5/ad_accounts/7/notes").status_code == 404


def test_what_fastapi_derives_of_a_route_is_derived_once() -> None:
    """However many threads ask at once; what is the route's own stays, and what no route has is missing
    before and after."""
    own = APIRouter(route_class=PinterestRoute)
    own.get("/notes/{id}", operation_id="notes/get")(list_notes)
    route: Any = own.routes[0]
    asked = Barrier(8)

    def derive(_: int) -> Any:
        asked.wait(10)
        return route.dependant

    with ThreadPoolExecutor(8) as threads:
        derived = [*threads.map(derive, range(8))]
    assert all(each is derived[0] for each in derived)
    for other in (route, PinterestRoute("/other", list_notes)):
        with pytest.raises(AttributeError, match="nothing_such"):
            _ = other.nothing_such
    assert (route.operation_id, route.methods, route.path) == ("notes/get", {"GET"}, "/notes/{id}")
    assert route.path_regex.match("/notes/1")


def test_an_exception_handler_and_a_plain_route(app: FastAPI, pinterest: ProviderApp) -> None:
    """A route of FastAPI's own class beside those of this server."""

    class Odd(Exception):
        pass

    @pinterest.get("/odd")
    async def odd() -> None:
        raise Odd

    @pinterest.exception_handler(Odd)
    async def handle(request: Request, error: Exception) -> Any:
        from starlette.responses import JSONResponse

        return JSONResponse({"odd": True}, 409)

    assert TestClient(app).get("/v5/odd").json() == {"odd": True}


class Templates:
    """Middleware that counts requests by route, as Starlette instrumentation does."""

    seen: list[str] = []  # noqa: RUF012 - one test reads it

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and "route" in scope:
                mount = scope.get("root_path", "").removeprefix(scope.get("app_root_path", ""))
                self.seen.append(mount + scope["route"].path)
            await send(message)

        await self.app(scope, receive, sending)


def test_instrumentation_sees_the_template_of_a_route(app: FastAPI) -> None:
    """In `scope["route"]`, where Starlette's instrumentation looks."""
    app.add_middleware(Templates)
    Templates.seen.clear()
    client = TestClient(app)
    client.get(AUDIENCES, headers=PINTEREST_TOKEN)
    client.get(f"{AUDIENCES}/1".removeprefix("/v5"), headers=PINTEREST_TOKEN)
    client.get("/custom_audiences?fb_ad_account_id=1", headers=PITCHTARGET_TOKEN)
    client.get("/worlds/blue" + AUDIENCES, headers=PINTEREST_TOKEN)
    assert Templates.seen == [
        "/v5/ad_accounts/{ad_account_id}/audiences",
        "/ad_accounts/{ad_account_id}/audiences/{audience_id}",
        "/custom_audiences",
        "/v5/ad_accounts/{ad_account_id}/audiences",
    ]


def test_the_applications_are_fastapis(app: FastAPI) -> None:
    """Each API is a FastAPI application mounted in the server's, its operations are FastAPI's routes."""
    from fastapi.routing import APIRoute

    assert type(app) is FastAPI
    for api in app.state.providers.values():
        assert isinstance(api, FastAPI)
        assert any(getattr(route, "app", None) is api for route in app.routes)
        assert all(isinstance(route, APIRoute) for route in api.routes)
