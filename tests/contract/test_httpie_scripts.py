"""The scripts and session files in clients/collections/httpie, and the requests that their commands send."""

import base64
import email
import email.policy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import collection_folders
import httpie_scripts
import pytest
from collection_request import APIS, Api, Auth, Request
from collection_tables import VARIABLES

from helpers.environment import environment_without
from helpers.httpie_runs import LIMIT_S, PROGRAMS, SCRIPTS, first_folder, needs_httpie, titles

TOP = collection_folders.TOP
OFFLINE = Path(__file__).with_name("httpie_offline.py")


def requests_of(api: Api) -> list[Request]:
    return [request for folder in collection_folders.folders(api) for request in folder.requests]


def test_they_are_what_the_descriptions_say() -> None:
    """The files are what would be written now; `make openapi` writes them, and scripts can be executed."""
    files = {path.name: path for path in httpie_scripts.HTTPIE.iterdir()}
    assert {name: path.read_text() for name, path in files.items()} == httpie_scripts.texts()
    assert [os.access(files[name], os.X_OK) for name in SCRIPTS] == [True] * len(SCRIPTS)


RECORDER = """#!/bin/sh
printf '%s\\0' "$@" >> "$RECORDED"
printf '\\0' >> "$RECORDED"
"""


def recorded(tmp_path: Path, name: str, **variables: str) -> list[list[str]]:
    """The arguments of each command of a script, in which every variable has its name in braces as its
    value."""
    text = (httpie_scripts.HTTPIE / name).read_text()
    folder = first_folder(tmp_path, name).parent
    filled_by_answers = re.compile(
        rf"^({'|'.join(httpie_scripts.FILLED_BY_ANSWERS)})=.*$", flags=re.MULTILINE
    )
    (folder / name).write_text(filled_by_answers.sub(r"\1='{{\1}}'", text))
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "http").write_text(RECORDER)
    (programs / "http").chmod(0o755)
    filled = {each.upper(): f"{{{{{each}}}}}" for each in VARIABLES if not each.endswith(("_token", "url"))}
    ran = subprocess.run(
        ["sh", folder / name],
        env=environment_without(
            "WORLD",
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            AUDIENCE_MOCK_URL="http://mock.example",
            RECORDED=str(tmp_path / "recorded"),
            **filled | variables,
        ),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return [
        each.split("\0") for each in (tmp_path / "recorded").read_text().removesuffix("\0\0").split("\0\0")
    ]


def wire(lines: Sequence[Sequence[str]], folder: Path) -> Sequence[tuple[str, Mapping[str, str], bytes]]:
    """What HTTPie sends for them: the request line, without escapes, the headers and the body."""
    ran = subprocess.run(
        [PROGRAMS / "python", OFFLINE],
        input="".join(json.dumps(line) + "\n" for line in lines),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = []
    for sent in json.loads(ran.stdout):
        head, _, body = sent.partition("\r\n\r\n")
        line, _, headers = head.partition("\r\n")
        message = email.message_from_string(headers, policy=email.policy.HTTP)
        found.append((unquote(line), {k.lower(): str(v) for k, v in message.items()}, body.encode("latin-1")))
    return found


def expected_line(request: Request) -> str:
    target = request.url.removeprefix("{{base_url}}")
    query = "&".join(f"{each.name}={each.value}" for each in request.query if each.is_sent)
    return f"{request.method} {target}{'?' if query else ''}{query} HTTP/1.1"


def expected_authorization(api: Api, request: Request) -> str | None:
    match request.auth:
        case Auth.API:
            return f"{api.scheme} {VARIABLES[api.token]}".strip()
        case Auth.BASIC:
            return "Basic " + base64.b64encode(b"{{app_id}}:{{app_secret}}").decode()
    return None


def content(media_type: str | None, headers: Mapping[str, str], body: bytes) -> Any:
    """The body of a request, as the table has it; of a file its name."""
    if media_type is not None:
        assert headers["content-type"].partition(";")[0] == media_type
    match media_type:
        case "application/json":
            return json.loads(body)
        case "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode()))
        case "multipart/form-data":
            head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
            parts = email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts()
            return {
                part.get_param("name", header="content-disposition"): part.get_filename()
                or part.get_content().strip()
                for part in parts
            }
    return body.decode() or None


@needs_httpie
@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_commands_are_the_requests_of_the_collection(api: Api, tmp_path: Path) -> None:
    """What HTTPie would send is what the Postman collection sends, request by request: methods, paths,
    queries, callers and bodies, with the same variables in the same places."""
    lines = recorded(tmp_path, f"{api.name}.sh")
    sent = wire(lines, tmp_path / "collections/httpie")
    lent = httpie_scripts._lent(api, collection_folders.folders(api))
    wanted = [*lent, *((api, request) for request in requests_of(api))]
    assert len(sent) == len(wanted)
    for (line, headers, body), (caller, request) in zip(sent, wanted, strict=True):
        if request.operation is not None:
            assert line == expected_line(request)
        assert headers.get("authorization") == expected_authorization(caller, request), request.name
        found = content(request.media_type, headers, body)
        guid = r"[0-9a-f-]{36}"
        if isinstance(request.body, dict) and "{{$guid}}" in request.body.get("name", ""):
            found["name"] = re.sub(guid, "{{$guid}}", found["name"])
        assert found == request.body, request.name


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_each_request_has_a_title(api: Api) -> None:
    """Every request of the API is announced by its name, in the order of the collection."""
    script = (httpie_scripts.HTTPIE / f"{api.name}.sh").read_text()
    names = [f"# {request.name}" for request in requests_of(api)]
    assert titles(script)[-len(names) :] == names


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("pinterest.sh", "PINTEREST_TOKEN"),
        ("pitchtarget.sh", "PITCHTARGET_TOKEN"),
        ("control.sh", "AUDIENCE_MOCK_ADMIN_TOKEN"),
        ("control.sh", "PINTEREST_TOKEN"),
    ],
)
def test_a_token_is_no_argument(tmp_path: Path, name: str, variable: str) -> None:
    """A token of the environment is in no argument of a command, which other users could read, and is left in
    no file."""
    lines = recorded(tmp_path, name, TMPDIR=str(tmp_path), **{variable: "s3cret-s3cret"})
    assert lines
    assert not [word for words in lines for word in words if "s3cret" in word]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "s3cret" in path.read_text()]


SHELL_SCRIPTS = [
    *(f"clients/collections/httpie/{name}" for name in SCRIPTS),
    ".ci/run",
    ".ci/check-distributions",
    "deploy/postgresql/roles.sh",
]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SHELL_SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    """shellcheck has nothing to say of the repository's shell scripts."""
    ran = subprocess.run(["shellcheck", TOP / script], capture_output=True, text=True, check=False)
    assert ran.stdout + ran.stderr == ""
