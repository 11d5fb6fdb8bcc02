"""/__admin/overview: what there is in a world, and how to reach it."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from audience_mock import __version__
from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.audiences import search
from audience_mock.core.store.transaction import Transaction
from audience_mock.core.users import list_search
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

router = APIRouter(route_class=ControlRoute, prefix="/__admin", tags=["overview"])


class ApiOverview(ApiModel):
    name: str
    title: str
    base_path: str = Field(description="Of the API's base URL, behind that of the world.")
    example_path: str = Field(description="Path of a GET that works as it is, in any world.")
    authorization: str = Field(description="An `Authorization` header that is accepted.")
    client_variables: list[str] = Field(
        description="Variables from which clients of this API take its base URL, such as `PINTEREST_API_URI`."
    )
    operations: list[str] = Field(description="Operation ids, sorted.")


class Overview(ApiModel):
    version: str
    store: str = Field(description="`memory`, or the file of the default world.")
    world: str
    apis: list[ApiOverview]
    audiences: dict[str, dict[str, int]] = Field(description="Number of audiences by API and status.")
    kinds: dict[str, list[str]] = Field(description="Kinds of audiences that the world has, by API.")
    customer_lists: int
    requests: int = Field(description="Number of requests in the journal.")
    faults: int = Field(description="Number of planned faults.")
    unused_faults: int


_EXAMPLE: dict[str, Any] = {
    "version": "0.1.0",
    "store": "memory",
    "world": "default",
    "apis": [
        {
            "name": "pinterest",
            "title": "Pinterest REST API",
            "base_path": "/v5",
            "example_path": "/v5/ad_accounts/549755885175/audiences",
            "authorization": "Bearer pina_anything",
            "client_variables": ["PINTEREST_API_URI"],
            "operations": ["audiences/create"],
        }
    ],
    "audiences": {"pinterest": {"READY": 20}},
    "kinds": {"pinterest": ["VISITOR"]},
    "customer_lists": 4,
    "requests": 12,
    "faults": 1,
    "unused_faults": 1,
}


@router.get(
    "/overview",
    operation_id="overview/get",
    summary="Get an overview",
    response_model=Overview,
    responses=success(_EXAMPLE),
)
async def get(request: MockRequest) -> RawResponse:
    """Show the version, the store, the APIs and the counts of this world."""
    world, served = request.world, request.context.served
    file = request.worlds.default.database.file
    planned = list(world.faults)
    by_status, kinds, customer_lists = await world.read(_counts)
    return json_response(
        {
            "version": __version__,
            "store": "memory" if file is None else str(file),
            "world": world.name,
            "apis": [
                {
                    "name": provider.name,
                    "title": provider.title,
                    "base_path": str(provider.servers[0]["url"]).rstrip("/"),
                    "example_path": provider.example[0],
                    "authorization": provider.example[1],
                    "client_variables": [*provider.client_variables],
                    "operations": sorted(_operations(provider)),
                }
                for provider in served.providers.values()
            ],
            "audiences": by_status,
            "kinds": kinds,
            "customer_lists": customer_lists,
            "requests": len(world.journal),
            "faults": len(planned),
            "unused_faults": sum(not fault.used for fault in planned),
        }
    )


def _counts(tx: Transaction) -> tuple[dict[str, dict[str, int]], dict[str, list[str]], int]:
    return search.count_by_status(tx), search.kinds(tx), list_search.count(tx)


def _operations(provider: Provider) -> set[str]:
    return {getattr(route, "operation_id", "") for router in provider.routers for route in router.routes}
