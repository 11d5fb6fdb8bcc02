"""The clients of the tests of replicas, against servers of which we know whether they are right."""

import httpx
import pytest

from helpers.replicas import TurnsClient, calling, check_worlds
from helpers.serve_command import Runner, command

__all__ = ["command"]

pytestmark = pytest.mark.replicas


def test_one_server_that_is_killed_passes(command: Runner) -> None:
    """Clients of one server with an SQLite file find nothing wrong, also over a kill and a restart of it."""
    flags = ("--database", "sqlite:///kept.db")
    run = command.serve(*flags)
    urls = [run.url]
    clients = [TurnsClient(number, urls, world="blue") for number in range(3)]
    with calling(clients) as all_of_them:
        all_of_them.wait_for(10)
        run.process.kill()
        run.status()
        urls[0] = command.serve(*flags).url
        all_of_them.wait_for(10)
    assert all_of_them.unanswered()
    assert check_worlds(clients, urls) > 10


def test_two_servers_that_share_nothing_fail(command: Runner) -> None:
    """The clients do see a server that does not know what another has confirmed."""
    urls = [command.serve().url, command.serve().url]
    clients = [TurnsClient(0, urls, world="blue")]
    with pytest.raises(AssertionError, match=r"read \d+.*404"), calling(clients) as alone:
        alone.wait_for(10)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda client: client.names.update({"2542620999999": {"never made"}}), "answered and lost"),
        (lambda client: client.names.popitem(), "c0-"),
        (lambda client: client.names.update({next(iter(client.names)): {"another"}}), "another"),
    ],
)
def test_what_a_store_lost_is_found(command: Runner, spoil: object, said: str) -> None:
    """An audience that is missing, that nobody sent, or with an old name fails the check at the end."""
    urls = [command.serve().url]
    clients = [TurnsClient(0, urls, world="blue")]
    with calling(clients) as alone:
        alone.wait_for(10)
    check_worlds(clients, urls)
    assert callable(spoil)
    spoil(clients[0])
    with pytest.raises(AssertionError, match=said):
        check_worlds(clients, urls)


def test_a_gap_in_the_ids_is_found(command: Runner) -> None:
    """A number that was taken for nothing fails the check at the end."""
    urls = [command.serve().url]
    clients = [TurnsClient(0, urls, world="blue")]
    with calling(clients) as alone:
        alone.wait_for(10)
    ids = f"{urls[0]}/worlds/blue/__admin/ids"
    following = int(httpx.get(ids).raise_for_status().json()["pinterest_audience"])
    httpx.put(ids, json={"pinterest_audience": str(following + 1)}).raise_for_status()
    with calling(clients) as alone:
        alone.wait_for(10)
    with pytest.raises(AssertionError, match="gap"):
        check_worlds(clients, urls)
