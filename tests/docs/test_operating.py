"""The commands for operators are real: those of a host run, those of a cluster have known flags."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import samples
import yaml

from audience_mock.testing import MockServer
from helpers import postgres
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN

TOP = samples.TOP
DOCUMENTS = sorted((TOP / "docs").rglob("*.md"))
OPERATE = TOP / "docs/operate"
ON_THE_HOST, IN_A_CLUSTER, WITH_POSTGRESQL = "On the host", "In a cluster", "With PostgreSQL"
RUN = ("curl", "openssl", "sed", "tar", "chmod")
"""What runs here as it is written, in folders of the test."""
INSTALLS = ("install", "chown", "python3", "/opt/audience-mock/bin/pip", "systemd-sysusers", "docker")
PROGRAMS = ("psql", "pg_dump", "pg_restore", "createdb")
"""PostgreSQL's own."""
CHECKED = ("systemctl", "journalctl", "nginx", "caddy", "audience-mock")
"""Verbs of systemctl are looked up; tests in e2e/ run the proxies, `test_samples.py` parses our own flags."""


def lines(title: str) -> list[str]:
    """The command lines of all blocks with a title."""
    return [
        line
        for document in DOCUMENTS
        for block in samples.blocks(document.read_text())
        if block.title == title
        for line in block.code.splitlines()
        if line.strip()
    ]


def words(line: str) -> list[str]:
    """Its words without variables that are set for it."""
    return [word for word in shlex.split(line) if not re.match(r"[A-Z]+=", word)]


def test_every_line_is_of_a_kind_that_is_checked() -> None:
    """A line begins with a command that a test here knows."""
    for title, known in (
        (ON_THE_HOST, {*RUN, *INSTALLS, *CHECKED}),
        (IN_A_CLUSTER, {"openssl", "kubectl", "helm"}),
        (WITH_POSTGRESQL, {"export", *PROGRAMS, "audience-mock"}),
    ):
        assert [line for line in lines(title) if words(line)[0] not in known] == []


def test_files_of_the_repository_exist() -> None:
    """What a line takes from deploy/ is there, but for the tokens, which the operator makes."""
    named = {
        word
        for line in (*lines(ON_THE_HOST), *lines(IN_A_CLUSTER))
        for word in words(line)
        if word.startswith("deploy/")
    }
    assert len(named) >= 6
    assert [name for name in named if not (TOP / name).exists()] == ["deploy/admin.tokens"]


def test_lines_of_a_host_run(start: Callable[..., MockServer], tmp_path: Path) -> None:
    """Against a server with the guide's token file, each call of the control API succeeds, backups unpack,
    and after the rotation the new token opens it and the old one does not."""
    for folder in ("etc/audience-mock", "var/lib/audience-mock", "var/backups", "deploy"):
        (tmp_path / folder).mkdir(parents=True)
    tokens = tmp_path / "etc/audience-mock/admin.tokens"
    tokens.write_text("the-first-one\n")
    (tmp_path / "etc/audience-mock/curl.header").write_text("Authorization: Bearer of-the-operator\n")
    (tmp_path / "var/lib/audience-mock/audiences.db").write_text("data")
    server = start(admin_token="of-the-operator", admin_token_file=str(tokens))
    with httpx.Client(base_url=f"{server.url}/worlds/blue/__admin") as client:
        client.headers["Authorization"] = "Bearer of-the-operator"
        assert client.get("/clock").status_code == 200
        ran = [line for line in lines(ON_THE_HOST) if words(line)[0] in RUN]
        assert {words(line)[0] for line in ran} == set(RUN)
        for line in ran:
            command = line.replace("/etc/", f"{tmp_path}/etc/").replace("/var/", f"{tmp_path}/var/")
            command = command.replace("http://127.0.0.1:8000", server.url).replace("curl ", "curl --fail ")
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, (line, done.stderr)
        (token,) = tokens.read_text().split()
        for given, status in ((token, 200), ("the-first-one", 401)):
            client.headers["Authorization"] = f"Bearer {given}"
            assert client.get("/clock").status_code == status
    assert (tmp_path / "var/lib/audience-mock/audiences.db").read_text() == "data"


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not installed (Debian: systemd)")
def test_verbs_of_systemctl_exist() -> None:
    """systemctl knows each verb."""
    helped = subprocess.run(["systemctl", "--help"], capture_output=True, text=True, check=True).stdout
    verbs = {
        next(word for word in words(line)[1:] if not word.startswith("-"))
        for line in lines(ON_THE_HOST)
        if words(line)[0] == "systemctl"
    }
    assert verbs
    assert [verb for verb in verbs if not re.search(rf"^ +{verb}\b", helped, flags=re.MULTILINE)] == []


def in_the_environment(name: str) -> str:
    """The command, of this machine or of `make helm`."""
    found = shutil.which(name) or shutil.which(name, path=f"{sys.prefix}/helm/{name}")
    if found is None:
        pytest.skip(f"{name} is not installed (make helm)")
    return found


DEPTHS = {"create namespace": 2, "create configmap": 2, "create secret": 3, "rollout status": 2}
"""Words of a subcommand that has more than one."""


def flags(line: str) -> Iterator[str]:
    for word in words(line.partition(" > ")[0]):
        if word.startswith("--"):
            yield word.partition("=")[0]


@pytest.mark.parametrize("name", ["helm", "kubectl"])
def test_flags_of_a_cluster_exist(name: str) -> None:
    """Helm and kubectl have each subcommand, and each flag of it."""
    command = in_the_environment(name)
    options = ["options"] if name == "kubectl" else ["--help"]
    general = subprocess.run([command, *options], capture_output=True, text=True, check=True).stdout
    found = [line for line in lines(IN_A_CLUSTER) if words(line)[0] == name]
    assert found
    for line in found:
        after = re.sub(rf"^{name} (--namespace \S+ )?", "", line).split()
        depth = DEPTHS.get(" ".join(after[:2]), 1)
        subcommand = after[:depth]
        helped = subprocess.run(
            [command, *subcommand, "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert f"{name} {' '.join(subcommand)}" in helped
        for flag in flags(line):
            assert re.search(rf"{flag}\b", helped + general), (line, flag)


@pytest.mark.parametrize(
    ("page", "file", "secrets"),
    [
        ("guide.md", "values.yaml", {"sandbox-admin"}),
        (
            "postgresql.md",
            "values-postgresql.yaml",
            {"sandbox-admin", "sandbox-database", "sandbox-database-owner"},
        ),
    ],
)
def test_the_guides_values_install_the_chart(page: str, file: str, secrets: set[str], tmp_path: Path) -> None:
    """The chart takes the values of the page, and names what the commands of the pages make and name."""
    command = in_the_environment("helm")
    text = (OPERATE / page).read_text()
    (values,) = (block.code for block in samples.blocks(text) if block.title == file)
    (tmp_path / file).write_text(values)
    (line,) = (
        line for line in lines(IN_A_CLUSTER) if line.startswith("helm upgrade --install") and file in line
    )
    rest = shlex.split(line.removeprefix("helm upgrade --install ").replace("deploy/", f"{TOP}/deploy/"))
    rendered = subprocess.run(
        [command, "template", *(word for word in rest if word != "--wait")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    manifests = [manifest for manifest in yaml.safe_load_all(rendered.stdout) if manifest]
    names = {(manifest["kind"].lower(), manifest["metadata"]["name"]) for manifest in manifests}
    used = {
        tuple(word.split("/"))
        for line in lines(IN_A_CLUSTER)
        for word in words(line)
        if "deployment/" in word
    }
    assert used
    assert used <= names
    named = re.findall(r"secretName: (\S+)|secretKeyRef:\s+name: (\S+)", rendered.stdout)
    assert {name for found in named for name in found if name} - {"sandbox-tls"} == secrets
    made = {line.split()[6] for line in lines(IN_A_CLUSTER) if "create secret generic" in line}
    assert secrets <= made


@pytest.mark.ci
def test_lines_with_postgresql_run(
    start: Callable[..., MockServer], programs: Path | None, tmp_path: Path
) -> None:
    """On a fresh cluster, from the roles to the restored backup: each line succeeds, two servers share their
    worlds, and the backup has what they made."""
    with postgres.running_cluster() as cluster:
        cluster.run(f"DROP ROLE {postgres.OWNER}", f"DROP ROLE {postgres.SERVING}")
        servers: list[MockServer] = []
        folders = (cluster.programs, programs, Path(sys.executable).parent, os.environ["PATH"])
        commands = os.pathsep.join(str(folder) for folder in folders if folder is not None)
        ran = []
        for document in (OPERATE / "postgresql.md", OPERATE / "postgresql-operations.md"):
            for block in samples.blocks(document.read_text()):
                for line in block.code.splitlines() if block.title == WITH_POSTGRESQL else ():
                    here = line.replace("db.example.com", f"127.0.0.1:{cluster.port}")
                    here = here.replace("sslmode=verify-full", "sslmode=disable")
                    if words(here)[:2] == ["audience-mock", "serve"]:
                        database = words(here)[-1]
                        servers.append(start(database=database, world_idle="never"))
                        continue
                    done = subprocess.run(
                        ["bash", "-c", here.replace("deploy/", f"{TOP}/deploy/")],
                        cwd=tmp_path,
                        env={**os.environ, "PATH": commands},
                        capture_output=True,
                        text=True,
                        timeout=60,
                        check=False,
                    )
                    assert done.returncode == 0, (line, done.stdout, done.stderr)
                    ran.append(words(line)[0])
            if document.name == "postgresql.md":
                first, second = servers
                body = {"name": "Savers", "audience_type": "ENGAGEMENT", "rule": {"engagement_type": "save"}}
                path = f"/worlds/blue/v5/ad_accounts/{AD_ACCOUNT}/audiences"
                made = httpx.post(first.url + path, json=body, headers=PINTEREST_TOKEN)
                assert made.status_code == 201, made.text
                seen = httpx.get(second.url + path, headers=PINTEREST_TOKEN).json()["items"]
                assert [audience["id"] for audience in seen] == [made.json()["id"]]
        assert {*ran} == {"export", *PROGRAMS, "audience-mock"}
        restored = start(database=cluster.url("restored", query="sslmode=disable"))
        again = httpx.get(restored.url + path, headers=PINTEREST_TOKEN).json()["items"]
        assert [audience["id"] for audience in again] == [made.json()["id"]]
