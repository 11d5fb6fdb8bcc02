"""The files of deploy/ for a host: the systemd unit, and Compose with TLS."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from helpers.accounts import PITCHTARGET_TOKEN
from helpers.command_line import read_command_line
from helpers.environment import environment_without, settings_of
from helpers.pitchtarget_requests import FILE_FIELDS

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "systemd/audience-mock.service"
with_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)


def unit() -> dict[str, list[str]]:
    """The unit's values by key."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), flags=re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@with_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd's own check finds nothing in the unit, where its command is installed."""
    text = UNIT.read_text()
    assert "/opt/audience-mock/bin/audience-mock serve\n" in text
    installed = tmp_path / UNIT.name
    installed.write_text(text.replace("/opt/audience-mock/bin/audience-mock", sys.executable))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", installed], capture_output=True, text=True, check=False
    )
    said = [line for line in checked.stderr.splitlines() if UNIT.name in line]
    assert (checked.returncode, said) == (0, []), checked.stderr


@with_systemd
def test_systemd_finds_little_exposed() -> None:
    """systemd's own rating, 0 (closed) to 10, is below 2: what is left is that it has a network."""
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in rated.stderr:
        pytest.skip("this systemd-analyze is older than 250: it rates no file")
    assert rated.returncode == 0, rated.stdout


def test_the_unit_sets_settings() -> None:
    """Its variables are those of settings; its data lies in the folder that systemd makes, its user is the
    one that sysusers makes, and it has more time to end than it drains."""
    environment = dict(pair.split("=", 1) for pair in unit()["Environment"])
    settings = settings_of(environment)
    assert unit()["WorkingDirectory"] == [f"/var/lib/{unit()['StateDirectory'][0]}"]
    assert settings.database == f"sqlite:///{unit()['WorkingDirectory'][0]}/audiences.db"
    assert settings.host == "127.0.0.1"
    assert settings.request_faults is False
    assert settings.trusted_proxies == ("127.0.0.1",)
    assert float(unit()["TimeoutStopSec"][0]) > float(environment["AUDIENCE_MOCK_DRAIN_S"])
    (user,) = unit()["User"]
    assert re.search(rf"^u {user} ", (DEPLOY / "systemd/audience-mock.sysusers").read_text(), re.MULTILINE)


DENIED = """
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit("not this kernel")
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a command as MemoryDenyWriteExecute does, which outlasts `exec`."""


def test_the_server_needs_no_writable_code() -> None:
    """Where the kernel denies memory that is both written and run, as the unit has it, the server serves an
    upload that numpy sorts."""
    denied = [sys.executable, "-c", DENIED, sys.executable]
    gains = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"
    tried = subprocess.run([*denied, "-c", gains], capture_output=True, text=True, check=False)
    if "PermissionError" not in tried.stderr:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")
    with subprocess.Popen(
        [*denied, "-m", "audience_mock", "serve", "--port", "0"],
        env=environment_without(),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout
            url = server.stdout.readline().split()[-1]
            users = b"".join(b"%064x\n" % number for number in range(200_000))
            made = httpx.post(
                f"{url}/custom_audiences", data=FILE_FIELDS, files={"file": users}, headers=PITCHTARGET_TOKEN
            )
            assert made.status_code == 201, made.text
        finally:
            server.terminate()


# Compose with TLS, over SQLite and over PostgreSQL

TLS, REPLICAS = "compose.tls.yaml", "compose.postgresql.yaml"
both = pytest.mark.parametrize("file", [TLS, REPLICAS])


def compose(file: str) -> dict[str, Any]:
    """As it is where the environment has none of the variables that have a default, and a password for each
    that has none."""
    text = re.sub(r"\$\{\w+:-(\w*)\}", r"\1", (DEPLOY / file).read_text())
    text = re.sub(r"\$\{(\w+):\?[\w ]+\}", r"value of \1", text)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@both
def test_compose_puts_the_server_behind_the_proxy_alone(file: str) -> None:
    """Only the proxy has ports and a way out; what it serves is the server's public URL, by the Caddyfile of
    deploy/, whose variables it sets."""
    composed = compose(file)
    services = composed["services"]
    server, proxy = services["audience-mock"], services["proxy"]
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert {name for name, service in services.items() if service["networks"] != ["inside"]} == {"proxy"}
    assert composed["networks"]["inside"] == {"internal": True}
    settings = settings_of(server["environment"])
    caddyfile = (DEPLOY / "caddy/Caddyfile").read_text()
    variables = set(re.findall(r"\{\$(\w+):", caddyfile))
    assert proxy["environment"].keys() == variables - {"HTTP_PORT"}
    assert settings.public_url == f"https://{proxy['environment']['SITE']}/mock"
    assert proxy["environment"]["UPSTREAM"] == "audience-mock:8000"
    assert proxy["ports"] == ["80:80", "443:443"]
    for service in services.values():
        for source, _target, *_ in (volume.split(":") for volume in service.get("volumes", ())):
            assert (DEPLOY / source).exists() if source.startswith(".") else source in composed["volumes"]
    token_file = str(settings.admin_token_file)
    assert token_file.removeprefix("/run/secrets/") in server["secrets"]
    assert set(server["secrets"]) == composed["secrets"].keys()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (TLS, "audience-mock"),
        (TLS, "proxy"),
        *((REPLICAS, each) for each in ("audience-mock", "proxy", "migrate")),
    ],
)
def test_compose_gives_nothing_to_gain(file: str, name: str) -> None:
    """Each container of ours, and the proxy, has a read-only root and no capability but, for the proxy, that
    of low ports."""
    service = compose(file)["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("restart") == (None if name == "migrate" else "unless-stopped")


@both
def test_compose_waits_for_the_end(file: str) -> None:
    """The engine gives the server more time to end than it drains."""
    server = compose(file)["services"]["audience-mock"]
    assert int(server["stop_grace_period"].removesuffix("s")) > int(
        server["environment"]["AUDIENCE_MOCK_DRAIN_S"]
    )


def test_compose_serves_by_the_roles_that_it_makes() -> None:
    """The database makes both roles when its volume is empty; the tables are made by their owner before a
    server starts, which connects as the other one. No password is in the file."""
    services = compose(REPLICAS)["services"]
    database, migrate, server = (services[name] for name in ("database", "migrate", "audience-mock"))
    assert server["deploy"]["replicas"] == 2
    assert "./postgresql/roles.sh:/docker-entrypoint-initdb.d/roles.sh:ro" in database["volumes"]
    script = (DEPLOY / "postgresql/roles.sh").read_text()
    given = set(re.findall(r"\$(\w+)", script)) - {"POSTGRES_USER"}
    assert given | {"POSTGRES_PASSWORD"} == database["environment"].keys()
    assert "--file /roles.sql" in script
    assert "./postgresql/roles.sql:/roles.sql:ro" in database["volumes"]
    assert os.access(DEPLOY / "postgresql/roles.sh", os.X_OK)
    roles = (DEPLOY / "postgresql/roles.sql").read_text()
    _, made = read_command_line(migrate["command"])
    owner, serving = urlsplit(made["database"]), urlsplit(server["environment"]["AUDIENCE_MOCK_DATABASE"])
    assert made["serving_role"] == serving.username
    for url, role, password in (
        (owner, "mock_owner", migrate["environment"]["PGPASSWORD"]),
        (serving, "mock_serving", server["environment"]["PGPASSWORD"]),
    ):
        assert (url.username, url.password, url.hostname, url.path) == (role, None, "database", "/mock")
        assert f"CREATE ROLE {role} LOGIN" in roles
        assert password in database["environment"].values()
    assert migrate["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert server["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    text = (DEPLOY / REPLICAS).read_text()
    assert not re.search(r"PASSWORD: (?!\$\{\w+:\?)", text)
