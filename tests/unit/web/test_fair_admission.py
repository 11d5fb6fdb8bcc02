"""Whose turn it is on a server with tenants."""

import asyncio
from pathlib import Path

import pytest

from audience_mock.core.worlds.quotas import Ledger
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.web.fair_admission import FairAdmission
from audience_mock.web.request_quotas import RequestQuotas
from helpers.tenants import two_teams, write_tenants

LIMIT_S = 60
MADE_UP = 100


@pytest.mark.parametrize("world", ["team-a", "team-a.green", "default"])
@pytest.mark.parametrize("made_up", ["t{}", "t{}.x", "{}\x00", "{}%.x"])
def test_made_up_names_share_one_turn(tmp_path: Path, world: str, made_up: str) -> None:
    """A tenant of the file, and the default world, wait for one of their requests each, however many names
    they have."""
    tenants = Tenants(write_tenants(tmp_path / "tenants.toml", tenants=two_teams()))
    admission = FairAdmission(tenants, RequestQuotas(tenants), Ledger(tenants))
    begun: list[str] = []

    async def begin(name: str) -> None:
        await admission.wait_to_open(name)
        begun.append(name)

    async def served() -> None:
        names = [made_up.format(number) for number in range(MADE_UP)]
        await asyncio.gather(*(begin(name) for name in [*names, *[world] * 5]))

    asyncio.run(asyncio.wait_for(served(), LIMIT_S))
    last = len(begun) - 1 - begun[::-1].index(world)
    assert (len(begun), last < MADE_UP / 2) == (MADE_UP + 5, True)
