"""/__admin/contract-diff: which of a recorded world's calls another version of an API answers otherwise."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from audience_mock.control.bundle import NOT_RECORDED, bundle_maker, why_not_recorded
from audience_mock.control.errors import invalid_input
from audience_mock.control.openapi_responses import success
from audience_mock.control.responses import json_response
from audience_mock.control.route import ControlRoute
from audience_mock.core.controls.json_changes import Kind
from audience_mock.core.errors import InvalidStateError
from audience_mock.core.worlds.world import World
from audience_mock.web.evidence import Grade
from audience_mock.web.request import MockRequest
from audience_mock.web.response import RawResponse
from audience_mock.web.schema import ApiModel

if TYPE_CHECKING:
    from audience_mock.web.api_versions import ApiVersions

router = APIRouter(route_class=ControlRoute, prefix="/__admin/contract-diff", tags=["journal"])

LIMIT_S = 30
"""Seconds after which a comparison ends with what it has. Chosen: half of what clients wait."""


class ContractDiffQuery(ApiModel):
    model_config = ConfigDict(extra="forbid")

    from_: str | None = Field(
        default=None,
        alias="from",
        description="Version to compare with: a version, `newest`, or `default`, what a server without the"
        " setting emulates. By default the one that the world emulates.",
    )
    to: str = Field(default="newest", description="The other version.")
    api: str | None = Field(
        default=None, description="API of the versions; by default the first one that has both."
    )


class ContractFact(ApiModel):
    since: str = Field(description="Version from which on it is so.")
    fact: str
    grade: Grade
    source: str
    rule: str | None = None


class ContractCall(ApiModel):
    number: int
    world: str
    operation: str | None
    method: str
    path: str
    before: Any = Field(description="What `from` answers there; null if it has nothing.")
    after: Any = Field(description="What `to` answers there.")


class ContractDifference(ApiModel):
    place: str = Field(
        description="`status`, `header NAME` or `body PATH`, a JSON path with `[*]` for an item of a list."
    )
    change: Kind
    facts: list[ContractFact] = Field(description="What is known to have changed there, with its evidence.")
    follows_from: int | None = Field(
        description="The call that made what this one names, under one version alone."
    )
    calls: list[int]
    first: ContractCall


class ContractOperation(ApiModel):
    operation: str
    calls: int
    different: int = Field(description="Number of calls that are answered otherwise.")
    differences: list[ContractDifference]


class ContractDiff(ApiModel):
    """Calls have their numbers in the request journal."""

    world: str
    api: str
    setting: str = Field(description="The setting that chooses a version.")
    from_: str = Field(alias="from")
    to: str
    calls: int = Field(description="Number of calls that were compared.")
    different: list[int] = Field(description="Calls that are answered otherwise.")
    operations: list[ContractOperation]
    replayed_otherwise: list[int] = Field(
        description="Calls that `from` answers otherwise in the replay than they were answered."
    )
    other_version: list[int] = Field(
        description="Calls that came while the world emulated another version than `from`."
    )
    stopped: str | None = Field(description="Why later calls were not compared; null if all were.")


class ContractApi(ApiModel):
    api: str
    setting: str
    versions: list[str] = Field(description="The oldest first.")
    current: str = Field(description="The one that this world emulates; `default` if nothing is set.")


class ContractVersions(ApiModel):
    apis: list[ContractApi] = Field(description="Those that can emulate several versions.")
    why_not_recorded: str | None = Field(
        description="Why the calls of this world cannot be compared; null if they are recorded."
    )


_EXAMPLE: dict[str, Any] = {
    "world": "default",
    "api": "pinterest",
    "setting": "pinterest_contract",
    "from": "5.23",
    "to": "5.28",
    "calls": 1,
    "different": [1],
    "operations": [
        {
            "operation": "audiences/create",
            "calls": 1,
            "different": 1,
            "differences": [
                {
                    "place": "body $.is_nca",
                    "change": "added",
                    "facts": [
                        {
                            "since": "5.28",
                            "fact": "responses have is_nca, and is_ctv_enabled in lists of audiences",
                            "grade": "recorded",
                            "source": "production, July 2026",
                        }
                    ],
                    "follows_from": None,
                    "calls": [1],
                    "first": {
                        "number": 1,
                        "world": "default",
                        "operation": "audiences/create",
                        "method": "POST",
                        "path": "/v5/ad_accounts/549755885175/audiences",
                        "before": None,
                        "after": False,
                    },
                }
            ],
        }
    ],
    "replayed_otherwise": [],
    "other_version": [],
    "stopped": None,
}
_VERSIONS_EXAMPLE = {
    "apis": [
        {
            "api": "pinterest",
            "setting": "pinterest_contract",
            "versions": ["5.18", "5.23", "5.28"],
            "current": "default",
        }
    ],
    "why_not_recorded": None,
}


@router.get(
    "",
    operation_id="contract_diff/get",
    summary="Compare two versions of an API",
    response_model=ContractDiff,
    responses=success(_EXAMPLE) | NOT_RECORDED,
)
async def get(request: MockRequest, query: Annotated[ContractDiffQuery, Query()]) -> RawResponse:
    """Say which of this world's calls another version answers otherwise, field by field, with what is known
    about each change. The recorded calls are replayed under both versions, beside this world, which has to be
    recorded (`record`)."""
    from audience_mock.web.bundling import BundleError, check_complete  # noqa: PLC0415 - few ask for it
    from audience_mock.web.contract_diff.bundles import compare  # noqa: PLC0415

    served = request.context.served
    api, versions, one, other = _chosen(request, query)
    is_cancelled = Event()
    async with served.replaying:
        make_bundle = await bundle_maker(request)
        until_s = monotonic() + LIMIT_S

        def after_each() -> str | None:
            if is_cancelled.is_set():
                return "the request was cancelled"
            if monotonic() < until_s:
                return None
            return f"it took longer than {LIMIT_S} s: audience-mock contract-diff --bundle compares all"

        def compared() -> RawResponse:
            bundle = make_bundle()
            check_complete(bundle)
            report = compare(
                bundle,
                api=api,
                versions=versions,
                one=one,
                other=other,
                make_app=served.replica,
                after_each=after_each,
            )
            return json_response(report)

        try:
            # In a context of its own: the time and the turns of this request are not those of the replayed.
            return await asyncio.get_running_loop().run_in_executor(None, partial(Context().run, compared))
        except BundleError as error:
            raise InvalidStateError(str(error)) from None
        finally:
            is_cancelled.set()


@router.get(
    "/versions",
    operation_id="contract_diff/versions",
    summary="List the versions",
    response_model=ContractVersions,
    responses=success(_VERSIONS_EXAMPLE),
)
async def list_versions(request: MockRequest) -> RawResponse:
    """List the versions that can be compared, by API, and the one that this world emulates."""
    apis = [
        {
            "api": name,
            "setting": versions.setting,
            "versions": [*versions.names],
            "current": _current(request.world, versions),
        }
        for name, versions in _known(request).items()
    ]
    return json_response({"apis": apis, "why_not_recorded": why_not_recorded(request.world)})


def _known(request: MockRequest) -> "Mapping[str, ApiVersions]":
    served = request.context.served.providers
    return {name: each.versions() for name, each in served.items() if each.versions is not None}


def _current(world: World, versions: "ApiVersions") -> str:
    return versions.name_of(world.options["effective_settings"]())


def _chosen(request: MockRequest, query: ContractDiffQuery) -> "tuple[str, ApiVersions, str, str]":
    """The API, its versions, and the two that are compared. Raises InvalidInputError."""
    from audience_mock.web.api_versions import UnknownVersionError, api_of  # noqa: PLC0415 - few ask for it

    known = _known(request)
    if query.api not in (None, *known):
        raise invalid_input(("api",), f"must be one of {', '.join(map(repr, known))}", query.api, "query")
    if query.api is not None:
        known = {query.api: known[query.api]}
    given = {"to": query.to} if query.from_ is None else {"from": query.from_, "to": query.to}
    try:
        api = api_of(known, *given.values())
    except UnknownVersionError as error:
        wrong = next((name for name, value in given.items() if not _is_known(known, value)), "to")
        raise invalid_input((wrong,), str(error), given[wrong], "query") from None
    versions = known[api]
    names = query.from_ or _current(request.world, versions), query.to
    one, other = (versions.find(name) or name for name in names)
    return api, versions, one, other


def _is_known(known: "Mapping[str, ApiVersions]", name: str) -> bool:
    return any(versions.find(name) is not None for versions in known.values())
