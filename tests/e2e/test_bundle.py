"""`audience-mock bundle` and `audience-mock replay`: what happened in a world happens again."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from time import process_time
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner, Result

from audience_mock.bundle_form import check
from audience_mock.bundle_people import resalt
from audience_mock.cli.main import main
from audience_mock.client import MockWorld
from audience_mock.core.users.people_in_text import people_in
from audience_mock.core.worlds.clock import real_ms, system_time
from audience_mock.replay import Replay, _note, replay
from audience_mock.testing import ControlError, MockServer
from audience_mock.web.bundling import BundleError
from helpers.accounts import AD_ACCOUNT, PITCHTARGET_TOKEN
from helpers.environment import environment_without
from helpers.pytest_runs import Project, outcomes

pytest_plugins = ["pytester"]

LIMIT_S = 60
SCOPES = ["ads:read", "ads:write"]
AUDIENCES = f"/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/ad_accounts/{AD_ACCOUNT}/customer_lists"
TOKEN = {"Authorization": "Bearer pina_verysecret0123456789"}
VISITORS = {"name": "Buyers", "audience_type": "VISITOR", "rule": {"visitor_source_id": "1"}}

Start = Callable[..., MockServer]


def recorded(start: Start, *, frozen: bool = True, **settings: Any) -> MockWorld:
    """A recorded world with the demo seed, in which everything was called that a replay has to repeat."""
    world = start(seed="demo", **settings).in_world("shop")
    world.replace_settings(record=True)
    if frozen:
        world.clock.freeze("2026-03-01T10:00:00Z")
    return world


def use(world: MockWorld) -> None:
    """Both APIs, an upload, a refreshed token, changes by the control API, and faults of two kinds."""
    with httpx.Client(base_url=world.urls.pinterest, headers=TOKEN) as pinterest:
        form = {"grant_type": "refresh_token", "refresh_token": "pinr_kept0123456789"}
        granted = pinterest.post("/oauth/token", data=form, auth=("123", "app-secret-9")).json()
        pinterest.headers["Authorization"] = f"Bearer {granted['access_token']}"
        made = pinterest.post(AUDIENCES, json=VISITORS).json()
        people = {"name": "People", "list_type": "EMAIL", "records": "eva@shop.example,bo@shop.example"}
        assert pinterest.post(LISTS, json=people).is_success
        world.clock.advance(3600)
        assert pinterest.get(f"{AUDIENCES}/{made['id']}").json()["status"] == "READY"
        world.faults.add("audiences/list", status=503, first=1)
        assert pinterest.get(AUDIENCES).status_code == 503
        world.faults.add("audiences/create", answer_lost=True, first=1)
        with pytest.raises(httpx.HTTPError):
            pinterest.post(AUDIENCES, json=VISITORS)
        world.seed(
            {"audiences": [{"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": "S"}]}
        )
        world.configure(pinterest_create_status=200)
        assert pinterest.post(AUDIENCES, json={**VISITORS, "name": ""}).status_code == 400
        assert pinterest.post(AUDIENCES, json=VISITORS).status_code == 200
        assert len(pinterest.get(AUDIENCES, params={"page_size": 3}).json()["items"]) == 3
        assert pinterest.get("/no/such/path").status_code == 404
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "fbid", "description": "d"}
    with httpx.Client(base_url=world.urls.pitchtarget, headers=PITCHTARGET_TOKEN) as pitchtarget:
        file = {"file": ("u.csv", b"1\n2\nx\n")}
        fields |= {"opt_out_link": "http://a.example"}
        assert pitchtarget.post("/custom_audiences", data=fields, files=file).is_success
        assert pitchtarget.get("/custom_audiences", params={"fb_ad_account_id": "2"}).is_success


def bundle_of(world: MockWorld) -> dict[str, Any]:
    bundle: dict[str, Any] = world.control("GET", "/bundle")
    return bundle


def exchanges(bundle: Any) -> list[dict[str, Any]]:
    """The requests with their answers, as they are to be the same; but the time of the server is its own."""
    return [
        {
            **step,
            "answer": {
                **step["answer"],
                "headers": [header for header in step["answer"]["headers"] if header[0] != "date"],
            },
        }
        for step in bundle["steps"]
        if "request" in step
    ]


def played(start: Start, bundle: dict[str, Any]) -> Replay:
    return replay(bundle, start().in_world("again"))


@pytest.mark.parametrize("auth_mode", ["lenient", "strict"])
def test_a_replay_is_the_same(start: Start, auth_mode: str) -> None:
    """Everything that a client did, and the control API between its calls, has the same answers again, to
    the byte, on a server without a seed; known tokens included, whose aliases are known instead."""
    world = recorded(start, auth_mode=auth_mode)
    if auth_mode == "strict":
        world.reset("empty")
        world.seed({"tokens": [{"token": "pinr_kept0123456789", "kind": "refresh", "scopes": SCOPES}]})
        world.seed({"apps": [{"id": "123", "secret": "app-secret-9"}]})
        world.clock.freeze("2026-03-01T10:00:00Z")
    use(world)
    bundle = bundle_of(world)
    again = played(start, bundle)
    assert (again.differences, again.lawful, again.stopped) == ([], [], None)
    assert again.requests == len(exchanges(bundle)) == 12
    assert exchanges(again.bundle) == exchanges(bundle)


def test_no_secret_is_in_a_bundle(start: Start) -> None:
    """Tokens and secrets have aliases; one that an answer gave has that of the requests that send it."""
    world = recorded(start)
    use(world)
    bundle = bundle_of(world)
    text = json.dumps(bundle)
    for secret in ("pina_verysecret", "pinr_kept", "app-secret-9", PITCHTARGET_TOKEN["Authorization"][6:]):
        assert secret not in text
    first, second = exchanges(bundle)[:2]
    given = json.loads(first["answer"]["body"])["access_token"]
    assert dict(second["request"]["headers"])["authorization"] == f"Bearer {given}"
    assert re.fullmatch(r"pina_secret-[0-9]+", given)
    # It says itself what it may do, and so it is none.
    httpx.get(world.urls.pinterest + AUDIENCES, headers={"Authorization": "Bearer pina_mock.ads:read"})
    assert "Bearer pina_mock.ads:read" in json.dumps(bundle_of(world))


@pytest.mark.parametrize(
    "written",
    [r"kept\/very\/long", r"kept/very/long", r"kept\u00e9verylong", "keptéverylong", r"kept\"long\\er"],
)
def test_no_secret_is_in_a_bundle_that_is_escaped(start: Start, written: str) -> None:
    """A secret in a JSON body has its alias however the client's writer of JSON escapes it."""
    world = recorded(start)
    body = f'{{"name": "x", "access_token": "{written}"}}'.encode()
    httpx.post(
        world.urls.pinterest + AUDIENCES, content=body, headers={**TOKEN, "Content-Type": "application/json"}
    )
    (only,) = exchanges(bundle_of(world))
    assert "kept" not in json.dumps(only)
    assert json.loads(only["request"]["body"])["access_token"].endswith(("secret-1", "secret-2"))


def test_a_clock_that_runs(start: Start) -> None:
    """Where the clock ran, times are the same all the same, even if each reading of it is in another second;
    but for the time that answers took."""
    world = recorded(start, frozen=False)
    readings = count(real_ms(), 1300)
    with system_time(lambda: next(readings)):
        use(world)
    again = played(start, bundle_of(world))
    assert again.differences == []
    assert {one.lawful for one in again.lawful} == {"the time that the answer took"}


def test_a_request_that_was_held_back(start: Start) -> None:
    """A request takes effect when a fault lets it go, and is replayed at that time."""
    world = recorded(start, frozen=False)
    world.faults.add("audiences/create", latency_ms=1100, first=1)
    made = httpx.post(world.urls.pinterest + AUDIENCES, json=VISITORS, headers=TOKEN).json()
    bundle = bundle_of(world)
    (step,) = (step for step in bundle["steps"] if "request" in step)
    assert int(step["at"]) == made["created_timestamp"]
    assert played(start, bundle).differences == []


def test_the_first_difference_is_said(start: Start, tmp_path: Path) -> None:
    """An answer that is otherwise now is found at its field; the exit status is 1."""
    world = recorded(start)
    use(world)
    bundle = bundle_of(world)
    changed = [step for step in bundle["steps"] if step.get("operation") == "audiences/get"]
    changed[0]["answer"]["body"] = changed[0]["answer"]["body"].replace('"READY"', '"TOO_SMALL"')
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    done = command("replay", tmp_path / "bundle.json")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "12 requests replayed; the first difference:",
        '  request 4, audiences/get, body.status: "TOO_SMALL" then, "READY" now',
    ]
    as_json = command("replay", "--json", tmp_path / "bundle.json")
    (difference,) = json.loads(as_json.stdout)["differences"]
    assert (difference["number"], difference["field"]) == (4, "body.status")


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_the_commands(start: Start, tmp_path: Path) -> None:
    """`bundle` writes a file or prints it, and `replay` plays it, also on a running server, where no
    world is left; its own bundle has the same answers."""
    world = recorded(start)
    use(world)
    file = tmp_path / "bundle.json"
    done = command("bundle", "--url", world.url, file)
    assert (done.exit_code, done.stdout) == (0, f"12 requests of world shop are in {file}\n")
    assert json.loads(command("bundle", "--url", world.url).stdout) == json.loads(file.read_text())
    replayed = command("replay", file, "--output", tmp_path / "again.json")
    assert (replayed.exit_code, replayed.stdout) == (0, "12 requests replayed: every answer is the same\n")
    assert exchanges(json.loads((tmp_path / "again.json").read_text())) == exchanges(
        json.loads(file.read_text())
    )
    other = start()
    assert command("replay", "--url", other.url, file).exit_code == 0
    assert other.control("GET", "/worlds")["worlds"] == ["default"]


@pytest.mark.parametrize("name", ["python3.11", "python3.12", "python3.13", "python3.14"])
def test_a_replay_is_the_same_on_each_python(start: Start, tmp_path: Path, name: str) -> None:
    """Another process, with another Python and other hashes, plays a bundle to the same bytes."""
    here = f"python3.{sys.version_info.minor}"
    python = sys.executable if name == here else shutil.which(name)
    if python is None:
        pytest.skip(f"{name} is not installed")
    env = environment_without("PYTHONDONTWRITEBYTECODE", PYTHONHASHSEED="7")
    probe = [python, "-c", "import audience_mock.testing"]
    if subprocess.run(probe, env=env, capture_output=True, check=False).returncode:
        pytest.skip(f"{name} has no Audience Mock installed")
    world = recorded(start)
    use(world)
    file, again = tmp_path / "bundle.json", tmp_path / "again.json"
    file.write_text(json.dumps(bundle_of(world)))
    done = subprocess.run(
        [python, "-m", "audience_mock", "replay", file, "--output", again],
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert exchanges(json.loads(again.read_text())) == exchanges(json.loads(file.read_text()))


def test_other_people(start: Start) -> None:
    """With other people, no address, hash or user of the world is in the bundle, and it plays the same: who
    was one person before is one person still."""
    world = recorded(start)
    hashed = "a" * 64
    with httpx.Client(base_url=world.urls.pinterest, headers=TOKEN) as pinterest:
        people = {"name": "People", "list_type": "EMAIL", "records": f"eva@shop.example,{hashed}"}
        made = pinterest.post(LISTS, json=people).json()
        more = {"operation_type": "ADD", "records": f"Eva@shop.example,{hashed},new@shop.example"}
        assert pinterest.patch(f"{LISTS}/{made['id']}", json=more).is_success
    bundle = bundle_of(world)
    other = resalt(bundle, b"salt")
    text = json.dumps(other)
    assert not [one for one in ("eva@", "Eva@", hashed, "new@shop") if one in text]
    users = [row["users"] for row in bundle["start"]["customer_lists"] if row.get("users")]
    assert users
    assert not [block for blocks in users for block in blocks if block and block in text]
    again = played(start, other)
    assert (again.differences, again.requests) == ([], 2)


NOBODY = "never-match@audience-mock.example"
EVA, BO, ZOE, LEA = "eva@shop.example", "bo@shop.example", "zoë@exämple.de", "o'lea+a@shop.example"
DEVICE = "aebe52e7-03ee-455a-b3c4-e57283966239"


def hex_of(value: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, value.encode(), usedforsecurity=False).hexdigest()


def forms_of(value: str) -> set[str]:
    """Each form in which a bundle might have a person, hidden in URLs, JSON or base64 as well."""
    hashes = [hex_of(value, name) for name in ("md5", "sha1", "sha256", "sha512")]
    raw = [value.encode(), *map(bytes.fromhex, hashes), *(each.encode() for each in hashes)]
    encoded = {base64.b64encode(each).decode().rstrip("=") for each in raw}
    return {value, quote(value, safe=""), json.dumps(value)[1:-1], *hashes, *encoded}


def texts_in(value: Any) -> Iterator[str]:
    """All texts of a bundle, and what those in base64 are."""
    if isinstance(value, dict):
        yield from chain(value, *map(texts_in, value.values()))
    elif isinstance(value, list):
        yield from chain.from_iterable(map(texts_in, value))
    elif isinstance(value, str):
        yield value
        with suppress(ValueError):
            raw = base64.b64decode(value, validate=True)
            yield from (raw.hex(), raw.decode("latin-1"), raw.decode(errors="replace"))


@pytest.mark.parametrize("ends", ["\n", ",", "\r\n"], ids=["newlines", "commas", "Windows"])
def test_people_in_every_form_become_others(start: Start, ends: str) -> None:
    """Addresses and devices are replaced in each hash and escape, in headers, URLs, files and what the world
    held at first, and who was one person before is one still: each count is the same."""
    world = start(seed="demo").in_world("shop")
    with httpx.Client(base_url=world.urls.pinterest, headers=TOKEN) as pinterest:
        world.seed(
            {
                "people": [EVA],
                "customer_lists": [
                    {"account": AD_ACCOUNT, "name": f"Of {BO}", "records": [BO, hex_of(ZOE, "md5"), DEVICE]}
                ],
            }
        )
        before = pinterest.post(LISTS, json={"name": "Before", "records": LEA}).json()["id"]
        uploads = f"{LISTS}/{before}/uploads"
        upload = pinterest.post(uploads, json={"operation": "ADD", "total_parts": 1}).json()
        (part,) = upload["s3_multipart_upload_data"]["file_parts"]
        httpx.put(part["presigned_url"], content=f"{EVA}\n{ZOE}\n{hex_of(BO)}\n".encode())
        world.configure(record=True)
        world.clock.freeze("2026-03-01T10:00:00Z")
        made = pinterest.post(LISTS, json={"name": EVA, "records": ends.join([EVA, hex_of(BO)])}).json()["id"]
        for records in (
            [EVA.upper(), hex_of(EVA, "md5"), hex_of(EVA, "sha1").upper()],
            [hex_of(ZOE, "md5"), hex_of(BO), hex_of(LEA, "sha512"), f"x_{hex_of(LEA)}"],
            [ZOE, DEVICE.upper(), hex_of(DEVICE), hex_of(DEVICE, "sha1"), NOBODY, hex_of(NOBODY)],
            [base64.b64encode(bytes.fromhex(hex_of(LEA))).decode(), f"<{LEA}>", LEA],
        ):
            body = {"operation_type": "ADD", "records": ends.join(records)}
            assert pinterest.patch(f"{LISTS}/{made}", json=body).is_success
        assert pinterest.post(f"{uploads}/{upload['customer_list_upload']['id']}/run").is_success
        world.seed({"customer_lists": [{"account": AD_ACCOUNT, "name": "n", "records": [LEA, hex_of(ZOE)]}]})
        told = {"From": EVA, "Cookie": f"u={quote(BO)}", "X-Hash": hex_of(LEA)}
        assert pinterest.get(LISTS, params={"email": EVA}, headers=told).is_success
        assert pinterest.post("/oauth/token", data={"grant_type": "refresh_token"}, auth=(EVA, "long-secret"))
        world.clock.advance(3600)
        assert pinterest.get(f"{LISTS}/{made}").is_success
        assert pinterest.get(f"{LISTS}/{before}").is_success
    fields = {"fb_ad_account_id": "2", "name": f"To {EVA}", "user_type": "email_hash", "description": "d"}
    fields |= {"opt_out_link": "http://a.example"}
    for encoding in ("utf-8", "latin-1"):
        file = {"file": (f"{BO}.csv", "\n".join([hex_of(EVA), hex_of(ZOE), "é"]).encode(encoding))}
        url = f"{world.urls.pitchtarget}/custom_audiences"
        assert httpx.post(url, data=fields, files=file, headers=PITCHTARGET_TOKEN).is_success
    bundle = bundle_of(world)
    other = resalt(bundle, b"salt")
    for text in (json.dumps(bundle), *texts_in(bundle)):
        if EVA in text:
            break
    else:
        pytest.fail("nobody is in the bundle")
    told_of = {
        form
        for text in ("\n".join([json.dumps(other), *texts_in(other)]),)
        for person in (EVA, EVA.upper(), BO, ZOE, LEA, DEVICE, DEVICE.upper())
        for form in forms_of(person)
        if form in text
    }
    assert told_of == set()
    again = played(start, other)
    assert (again.differences, again.stopped, again.requests) == ([], None, 12)


def test_people_that_no_text_has(start: Start) -> None:
    """A request whose body is no text is left out of a bundle with other people, and the replay says so."""
    world = start().in_world("shop")
    world.replace_settings(record=True)
    fields = {"fb_ad_account_id": "2", "name": "n", "user_type": "email_hash", "description": "d"}
    fields |= {"opt_out_link": "http://a.example"}
    file = {"file": ("u.csv", f"{EVA}\n{hex_of(BO)}".encode("utf-16"))}
    url = f"{world.urls.pitchtarget}/custom_audiences"
    assert httpx.post(url, data=fields, files=file, headers=PITCHTARGET_TOKEN).is_success
    *_, only = resalt(bundle_of(world), b"salt")["steps"]
    assert (only["request"]["body"], "no text" in only["not_replayable"]) == ("", True)


@pytest.mark.parametrize(
    "piece", ["a", "%40", "a%", "@", "a@", '"\\', '"\\n', "0-", "-aaaaaaaa", "%2C", "=A"]
)
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """No text of a megabyte takes long to look for people."""
    begun_s = process_time()
    for _ in people_in(piece * (1_000_000 // len(piece))):
        pass
    assert process_time() - begun_s < LIMIT_S / 4


def test_what_a_replay_notes_of_an_answer() -> None:
    """What stands for aliases is found where the parts around them are, however often they could be there."""
    bound: dict[str, str] = {}
    _note('{"a":"pina_secret-1","b":"secret-2"}', '{"a":"pina_xyz","b":"q"}', bound)
    assert bound == {"pina_secret-1": "pina_xyz", "secret-2": "q"}
    _note("xsecret-3" * 60 + "y", "x" * 50_000, bound)
    _note("secret-4secret-5", "ab", bound)
    assert len(bound) == 2


# What cannot be played


def test_a_world_that_is_not_recorded(start: Start) -> None:
    """A world that is not recorded has no bundle; one that is recorded from now on has one from now on."""
    world = start(seed="demo").in_world("plain")
    httpx.get(world.urls.pinterest + AUDIENCES, headers=TOKEN)
    with pytest.raises(ControlError, match="this world is not recorded: its setting record is off"):
        bundle_of(world)
    world.configure(record=True)
    httpx.get(world.urls.pinterest + AUDIENCES, headers=TOKEN)
    bundle = bundle_of(world)
    assert [step["number"] for step in exchanges(bundle)] == [2]
    assert played(start, bundle).differences == []


@pytest.mark.parametrize("begin", ["fork", "restore", "reset"])
def test_a_recording_begins_with_what_the_world_holds(start: Start, begin: str) -> None:
    """A fork, a restored snapshot and a reset begin anew, with the data that is there then."""
    world = recorded(start)
    httpx.post(world.urls.pinterest + AUDIENCES, json=VISITORS, headers=TOKEN)
    if begin == "fork":
        world = world.fork("shop-2")
    elif begin == "restore":
        world.snapshot("one")
        httpx.post(world.urls.pinterest + AUDIENCES, json=VISITORS, headers=TOKEN)
        world.restore("one")
    else:
        world.reset()
        world.clock.freeze("2026-03-01T10:00:00Z")
    listed = httpx.get(world.urls.pinterest + AUDIENCES, headers=TOKEN).json()["items"]
    assert ("Buyers" in [item["name"] for item in listed]) == (begin != "reset")
    again = played(start, bundle_of(world))
    assert (again.differences, again.requests) == ([], 1)


def test_what_was_not_kept_is_said(start: Start, tmp_path: Path) -> None:
    """A request whose body was too large ends the replay there, with its reason; what the journal dropped
    makes the bundle unusable."""
    world = recorded(start)
    records = ",".join(f"p{number}@shop.example" for number in range(60_000))
    with httpx.Client(base_url=world.urls.pinterest, headers=TOKEN) as pinterest:
        pinterest.get(AUDIENCES)
        assert pinterest.post(LISTS, json={"name": "P", "list_type": "EMAIL", "records": records}).is_success
        pinterest.get(AUDIENCES)
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle_of(world)))
    done = command("replay", file)
    assert done.stdout.splitlines() == [
        "1 request replayed: every answer is the same",
        "stopped: request 2 cannot be sent again: its body was too large to be kept",
    ]
    world.configure(journal_entries=1)
    httpx.get(world.urls.pinterest + AUDIENCES, headers=TOKEN)
    file.write_text(json.dumps(bundle_of(world)))
    done = command("replay", file)
    assert (done.exit_code, "the journal had dropped its first 3 requests" in done.stderr) == (2, True)


def test_people_that_are_left_out(start: Start) -> None:
    """With redact_users, bodies are left out, and the replay stops at the first one."""
    world = recorded(start, redact_users=True)
    people = {"name": "P", "list_type": "EMAIL", "records": "eva@shop.example"}
    httpx.post(world.urls.pinterest + LISTS, json=people, headers=TOKEN)
    bundle = bundle_of(world)
    assert "eva@shop" not in json.dumps(bundle["steps"])
    assert "redact_users" in (played(start, bundle).stopped or "")


def empty_bundle(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "versions": {},
        "settings": {},
        "clock": {"now": 1_790_000_000, "frozen": True},
        "start": {},
        "steps": [],
        "missing": {"dropped": 0, "after_limit": False},
        **changes,
    }


def step(path: str, **headers: str) -> dict[str, Any]:
    return {
        "number": 1,
        "at": 1_790_000_000,
        "operation": None,
        "fault": None,
        "not_replayable": None,
        "request": {"method": "GET", "path": path, "headers": [*headers.items()], "body": ""},
        "answer": {"status": 404, "headers": [], "body": ""},
    }


def change(path: str, method: str = "DELETE") -> dict[str, Any]:
    return {"at": 1_790_000_000, "change": {"method": method, "path": path, "body": None}}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"missing": None}, "missing"),
        ({"settings": 7}, "settings"),
        ({"start": []}, "start"),
        ({"clock": {}}, "clock.now"),
        ({"clock": {"now": "x", "frozen": True}}, "clock.now"),
        ({"versions": None}, "versions"),
        ({"steps": [1]}, "steps.0"),
        ({"steps": [{**step("/"), "request": {}}]}, "steps.0.request.method"),
        ({"steps": [{**step("/"), "at": 1e300}]}, "steps.0.at"),
        ({"steps": [{**step("/"), "at": float("nan")}]}, "steps.0.at"),
        (
            {"steps": [{**step("/"), "answer": {**step("/")["answer"], "body": {"a": "b"}}}]},
            "steps.0.answer.body",
        ),
        (
            {"steps": [{**step("/"), "answer": {**step("/")["answer"], "body": {"base64": "!"}}}]},
            "steps.0.answer.body",
        ),
        ({"steps": [change("/settings", "PUT")]}, "steps.0.change"),
    ],
)
def test_a_bundle_of_another_form(changes: Any, place: str, tmp_path: Path) -> None:
    """A file whose parts are missing or of another type is rejected in a line that names the part."""
    (tmp_path / "b.json").write_text(json.dumps(empty_bundle(**changes)))
    done = command("replay", tmp_path / "b.json")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert f"it is no bundle: {place}" in done.stderr


@pytest.mark.parametrize(
    "hostile",
    [
        change("/worlds/victim"),
        change("/../worlds/victim/__admin/state"),
        change("/faults/../worlds/victim"),
        change("/faults/%2e%2e/worlds/victim"),
        change("/reset", "POST"),
        step("/__admin/worlds/victim"),
        step("/v5/../__admin/worlds/victim"),
        step("/v5/%2E%2E/__admin/worlds/victim"),
        step("-other/v5/ad_accounts"),
        step("/v5", **{"Transfer-Encoding": "chunked"}),
    ],
)
def test_a_bundle_that_calls_another_world(start: Start, hostile: Any, tmp_path: Path) -> None:
    """A bundle cannot call another world, or the control API but for what a recording notes: it is rejected
    before anything is sent, and all worlds of the server stay."""
    server = start()
    server.in_world("victim").configure(record=False)
    (tmp_path / "b.json").write_text(json.dumps(empty_bundle(steps=[hostile])))
    done = command("replay", "--url", server.url, tmp_path / "b.json")
    assert done.exit_code == 2
    assert re.search(r"steps\.0\.(change|request)\.(path|headers)", done.stderr), done.stderr
    assert sorted(server.control("GET", "/worlds")["worlds"]) == ["default", "victim"]


@pytest.mark.parametrize("name", ["of_tomorrow", "self"])
def test_settings_of_another_version(start: Start, tmp_path: Path, name: str) -> None:
    """The reason why a running server rejects a bundle is said, though there is no world to delete then."""
    server = start()
    (tmp_path / "b.json").write_text(json.dumps(empty_bundle(settings={name: 1})))
    done = command("replay", "--url", server.url, tmp_path / "b.json")
    assert (done.exit_code, name in done.stderr) == (2, True)


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    """The server that cannot be reached is named, and so is a file that cannot be written."""
    (tmp_path / "b.json").write_text(json.dumps(empty_bundle()))
    done = command("replay", "--url", "http://127.0.0.1:9", tmp_path / "b.json")
    assert (done.exit_code, "cannot reach http://127.0.0.1:9" in done.stderr) == (2, True)
    output = tmp_path / "none" / "again.json"
    done = command("replay", "--output", output, tmp_path / "b.json")
    assert (done.exit_code, f"{output}: No such file" in done.stderr) == (2, True)


@pytest.mark.parametrize("given", [{}, [], {"format": 99}, "text"])
def test_what_is_no_bundle(given: Any, tmp_path: Path) -> None:
    """Other files are rejected in a line."""
    with pytest.raises(BundleError, match="no bundle of this version"):
        check(given)
    (tmp_path / "b.json").write_text(json.dumps(given))
    done = command("replay", tmp_path / "b.json")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert command("replay", tmp_path / "none.json").exit_code == 2


# pytest


def test_a_failing_test_keeps_its_bundle(project: Project) -> None:
    """With --audience-mock-bundle, a test that fails leaves a bundle, which plays; one that passes leaves
    none."""
    project.write(
        test_it="""
            from urllib.request import Request, urlopen

            def call(mock):
                url = mock.urls.pinterest + "/ad_accounts/549755885175/audiences"
                return urlopen(Request(url, headers={"Authorization": "Bearer pina_kept01234567890"})).status

            def test_good(audience_mock):
                assert call(audience_mock) == 200

            def test_bad(audience_mock):
                assert call(audience_mock) == 201
        """
    )
    ran = project.run("--audience-mock-bundle", "bundles")
    assert outcomes(ran) == {"passed": 1, "failed": 1}
    (file,) = (project.folder / "bundles").iterdir()
    ran.stdout.fnmatch_lines(["*Audience Mock bundle*", f"audience-mock replay *{file.name}"])
    assert command("replay", file).exit_code == 0
    assert os.stat(file).st_size > 500
