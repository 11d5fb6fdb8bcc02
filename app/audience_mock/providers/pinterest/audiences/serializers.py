"""Rows as Pinterest's audiences, in the three key orders of its responses."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from audience_mock.core.audiences.lifecycle import status_and_size_at
from audience_mock.core.store.rows import AudiencePageRow, AudienceRow
from audience_mock.core.worlds.world import World
from audience_mock.providers.pinterest.api import NAME
from audience_mock.providers.pinterest.api_versions import (
    ADDED_TO_RESPONSES_IN_5_28,
    LEGACY_ENUM_VALUES,
    WITHOUT_LOOKALIKE,
    by_api_version,
)
from audience_mock.providers.pinterest.audiences.rule_schema import plain
from audience_mock.providers.pinterest.audiences.schemas import Audience, CreatedAudience, ListedAudience
from audience_mock.web.request import MockRequest
from audience_mock.web.templates import JsonText, ResponseTemplate, json_string

_FORMATS = {
    "type": '"audience"',
    "id": '"%d"',
    "name": "%s",
    "ad_account_id": '"%s"',
    "audience_type": '"%s"',
    "description": "%s",
    "status": '"%s"',
    "size": "%d",
    "updated_timestamp": "%d",
    "created_timestamp": "%d",
    "rule": "%s",
    "created_by_company_name": "%s",
    "is_nca": "false",
    "is_ctv_enabled": "false",
}


class _Version(NamedTuple):
    """How an API version writes audiences."""

    created: ResponseTemplate
    one: ResponseTemplate
    listed: ResponseTemplate
    enum_values: Mapping[str, str]
    """What an ad account reads for the types and statuses that the version lacks."""
    enum_values_received: Mapping[str, str]
    """The same, in the list of a business."""
    rule: Callable[[str], str]


def _same(definition: str) -> str:
    return definition


def _version(
    without: Container[str],
    enum_values: Mapping[str, str],
    received: Mapping[str, str],
    rule: Callable[[str], str],
) -> _Version:
    created, one, listed = (
        ResponseTemplate(model, _FORMATS, without=without)
        for model in (CreatedAudience, Audience, ListedAudience)
    )
    return _Version(created, one, listed, enum_values, received, rule)


_VERSIONS = by_api_version(
    latest=_version((), WITHOUT_LOOKALIKE, {}, _same),
    before_5_28=_version(
        ADDED_TO_RESPONSES_IN_5_28,
        {**LEGACY_ENUM_VALUES, **WITHOUT_LOOKALIKE},
        {**LEGACY_ENUM_VALUES, **WITHOUT_LOOKALIKE},
        plain,
    ),
)


def created_audience(request: MockRequest, row: AudienceRow) -> bytes:
    version = _VERSIONS[request.options.api_version]
    values = _values(row, request.world.clock.now_ms(), None, version.enum_values, version.rule)
    return version.created.render(values).encode()


def audience(request: MockRequest, row: AudienceRow, *, company: str | None) -> bytes:
    version = _VERSIONS[request.options.api_version]
    values = _values(row, request.world.clock.now_ms(), company, version.enum_values, version.rule)
    return version.one.render(values).encode()


def audience_in(world: World, row: AudienceRow) -> bytes:
    """As `audience`, for no request."""
    version = _VERSIONS[world.options[NAME].api_version]
    values = _values(row, world.clock.now_ms(), row.created_by, version.enum_values, version.rule)
    return version.one.render(values).encode()


def listed_audiences(request: MockRequest, rows: Sequence[AudiencePageRow]) -> list[JsonText]:
    version = _VERSIONS[request.options.api_version]
    return _listed(request, rows, version, version.enum_values, version.rule)


def received_audiences(request: MockRequest, rows: Sequence[AudiencePageRow]) -> list[JsonText]:
    """As a business lists them."""
    version = _VERSIONS[request.options.api_version]
    return _listed(request, rows, version, version.enum_values_received, plain)


def _listed(
    request: MockRequest,
    rows: Sequence[AudiencePageRow],
    version: _Version,
    enum_values: Mapping[str, str],
    rule: Callable[[str], str],
) -> list[JsonText]:
    now_ms = request.world.clock.now_ms()
    render = version.listed.render
    return [render(_values(row, now_ms, row.created_by, enum_values, rule)) for row in rows]


def _values(
    row: AudienceRow | AudiencePageRow,
    now_ms: int,
    company: str | None,
    enum_values: Mapping[str, str],
    rule: Callable[[str], str],
) -> tuple[int | str, ...]:
    """In the order of `_FORMATS`."""
    status, size = status_and_size_at(row, now_ms)
    return (
        row.number,
        json_string(row.name),
        row.account,
        enum_values.get(row.kind, row.kind),
        json_string(row.description),
        enum_values.get(status, status),
        size,
        row.updated_at_ms // 1000,
        row.created_at_ms // 1000,
        # A seed may leave it out; 5.23 has no null here, so it is empty then (chosen).
        "{}" if row.definition is None else rule(row.definition),
        json_string(company),
    )
