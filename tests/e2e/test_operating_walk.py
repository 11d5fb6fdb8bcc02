"""A week of an operator: every step is one of docs/operate/, by its commands, on one server and its data."""

import re
import signal
from pathlib import Path

import httpx

from helpers.accounts import PINTEREST_TOKEN
from helpers.serve_command import AUDIENCES, CREATE, Runner, command, is_open
from helpers.tenants import OPERATOR, bearer
from helpers.waiting import until

__all__ = ["command"]

OPERATE = Path(__file__).parents[2] / "docs/operate"


def documented(verb: str) -> bool:
    """Whether a page for operators shows this command."""
    return any(f"audience-mock {verb}" in page.read_text() for page in OPERATE.glob("*.md"))


def test_an_operator_goes_through_the_guide(command: Runner) -> None:
    """Tenants get tokens, a token is rotated, the audit log tells it all; a backup is restored and migrated,
    and the next server has the data; the end drains."""

    def ran(verb: str, *arguments: str, **variables: str) -> str:
        assert documented(verb), f"no page shows {verb}"
        run = command(verb, *arguments, **variables)
        assert run.status() == 0, run.err
        return run.out

    folder = command.folder
    (first, first_digest), (second, second_digest) = (ran("token").split() for _ in range(2))
    tenants = folder / "tenants.toml"

    def write(*digests: str) -> None:
        quoted = ", ".join(f'"{digest}"' for digest in digests)
        tenants.write_text(
            f"[tenants.team-a]\nadmin_tokens = [{quoted}]\n[tenants.team-a.quotas]\nworlds = 2\n"
        )

    write(first_digest)
    assert ran("check", "tenants.toml").startswith("tenants.toml: OK, 1 ")
    settings: tuple[str, ...] = ("--tenants", "tenants.toml", "--worlds", "known", "--audit-log", "audit.log")
    run = command.serve("--database=sqlite:///audiences.db", *settings, AUDIENCE_MOCK_ADMIN_TOKEN=OPERATOR)

    def put(world: str, token: str) -> int:
        url = f"{run.url}/__admin/worlds/{world}"
        return httpx.put(url, json={}, headers=bearer(token)).status_code

    assert put("team-a.green", first) == 201
    assert put("team-b", first) == 404
    green = f"/worlds/team-a.green{AUDIENCES}"
    made = httpx.post(run.url + green, json=CREATE, headers=PINTEREST_TOKEN).json()["id"]

    # Rotation: both are valid, then the new one alone.
    for digests, statuses in (((first_digest, second_digest), (200, 200)), ((second_digest,), (401, 200))):
        write(*digests)
        run.process.send_signal(signal.SIGHUP)

        def are_valid(wanted: tuple[int, ...] = statuses) -> bool:
            return tuple(put("team-a.green", each) for each in (first, second)) == wanted

        until(are_valid, "the new tokens")
    lines = (folder / "audit.log").read_text().splitlines()
    tokens = {re.search(r"token=(\S+)", line)[1]: line for line in lines}  # type: ignore[index]
    assert {*tokens} == {digest.removeprefix("sha256:")[:8] for digest in (first_digest, second_digest)}
    assert "caller=unknown" in tokens[first_digest.removeprefix("sha256:")[:8]]

    # A backup, while the server runs.
    assert "2 worlds" in ran("backup", run.url, "audiences.tar", AUDIENCE_MOCK_ADMIN_TOKEN=OPERATOR)
    httpx.delete(f"{run.url}/__admin/worlds/team-a.green", headers=bearer(second))
    run.end()

    # Restored beside the old file, brought to the schema, and served with a drain.
    ran("restore", "audiences.tar", "restored.db")
    assert "has schema" in ran("migrate", "restored.db")
    settings = ("--database=sqlite:///restored.db", *settings, "--drain-s=60")
    run = command.serve(*settings, AUDIENCE_MOCK_ADMIN_TOKEN=OPERATOR)
    assert httpx.get(f"{run.url}{green}/{made}", headers=PINTEREST_TOKEN).json()["name"] == CREATE["name"]
    run.process.send_signal(signal.SIGTERM)
    until(lambda: httpx.get(f"{run.url}/__admin/ready").status_code == 503, "the drain")
    assert httpx.get(f"{run.url}/__admin/ready").json()["reason"] == "draining"
    assert httpx.get(run.url + green, headers=PINTEREST_TOKEN).status_code == 200
    run.end()
    assert not is_open(run.url)
