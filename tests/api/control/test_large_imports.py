"""Seeds of thousands of audiences: others are answered meanwhile, and nobody sees half of one."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience_mock.control import seed_bodies
from audience_mock.control.state import State
from audience_mock.core.seeds.apply import insert_seed
from audience_mock.core.worlds import exclusive
from audience_mock.testing import MockServer
from audience_mock.web.errors import InvalidInputError, MalformedBodyError
from audience_mock.web.validation import parse_json
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN
from helpers.errors import control_error

AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
VISITORS = {
    "name": "Visitors",
    "audience_type": "VISITOR",
    "rule": {"visitor_source_id": "1", "retention_days": 30},
}


def audiences(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"api": "pinterest", "account": AD_ACCOUNT, "kind": "VISITOR", "name": f"Audience {number}"} | more
        for number in range(count)
    ]


@contextmanager
def repeating(do: Callable[[], None]) -> Iterator[None]:
    """Does something again and again while the block runs; an error fails the test."""
    running, failed = threading.Event(), list[BaseException]()
    running.set()

    def run() -> None:
        try:
            while running.is_set():
                do()
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        running.clear()
        thread.join()
    for error in failed:
        raise error


@pytest.mark.sqlite_only(reason="it is about the thread that copies pages")
@pytest.mark.parametrize("copied_bytes", [exclusive.COPIED_BYTES, 0], ids=["copied", "too large to copy"])
@pytest.mark.parametrize("where", ["memory", "file"])
@pytest.mark.parametrize(
    "count", [5_000, pytest.param(100_000, marks=pytest.mark.soak)], ids=["5,000", "100,000"]
)
def test_others_are_answered_during_an_import_and_see_all_of_it_or_nothing(  # noqa: PLR0917 - fixtures
    start: Callable[..., MockServer],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: str,
    count: int,
    copied_bytes: int,
) -> None:
    """Requests to other worlds are answered, and so are reads of this one if it can be copied; they find none
    of the audiences or all. What is written to it meanwhile is there afterwards, with a later id."""
    monkeypatch.setattr(exclusive, "COPIED_BYTES", copied_bytes)
    mock = start(database=f"sqlite:///{tmp_path}/kept.db" if where == "file" else "sqlite://")
    seen: list[int] = []
    elsewhere: list[int] = []
    written: list[str] = []
    begun = threading.Event()
    with (
        httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN, timeout=120) as here,
        httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN, timeout=120) as other,
        httpx.Client(base_url=mock.url, headers=PINTEREST_TOKEN, timeout=120) as writer,
    ):

        def read() -> None:
            seen.append(here.get("/__admin/health").json()["audiences"])
            assert here.get(f"{AUDIENCES}?page_size=1").status_code == 200

        def read_elsewhere() -> None:
            taken = mock.world.exclusive.is_taken
            assert other.get(f"/worlds/other{AUDIENCES}").json() == {"items": [], "bookmark": None}
            elsewhere.append(taken and mock.world.exclusive.is_taken)
            if taken:
                begun.set()

        def write() -> None:
            if not written and begun.wait(1):
                written.append(writer.post(AUDIENCES, json=VISITORS).json()["id"])

        with repeating(read), repeating(read_elsewhere), repeating(write):
            imported = here_import(mock, audiences(count))
        ids = imported.json()["ids"]["audiences"]
        assert len(ids) == count
        last = writer.get(f"{AUDIENCES}?page_size=2&order=DESCENDING").json()["items"]
        assert httpx.get(f"{mock.url}/__admin/health").json()["audiences"] == count + len(written)
    assert sum(elsewhere) > 3
    assert {*seen} <= {0, count, count + 1}
    assert [audience["id"] for audience in last][: len(written)] == written
    assert not written or int(written[0]) > int(ids[-1])


def here_import(mock: MockServer, rows: list[dict[str, Any]], **more: Any) -> httpx.Response:
    return httpx.post(f"{mock.url}/__admin/seed", json={"audiences": rows, **more}, timeout=120)


def test_a_large_import_that_fails_leaves_nothing(mock: MockServer) -> None:
    """If the last row has an id that is taken, none of the rows is there, the clock is as before, and the
    next import succeeds."""
    before = httpx.get(f"{mock.url}/__admin/clock").json()["now"]
    rows = audiences(3000)
    twice = [*rows[:-1], rows[-1] | {"id": "2542623499900"}]
    rejected = here_import(mock, [rows[0] | {"id": "2542623499900"}, *twice], clock={"now": 1_400_000_000})
    assert control_error(rejected, 400)["field"] == "audiences.3000.id"
    assert httpx.get(f"{mock.url}/__admin/health").json()["audiences"] == 0
    assert httpx.get(f"{mock.url}/__admin/clock").json()["now"] == before
    applied = here_import(mock, rows, clock={"now": 1_400_000_000, "frozen": True})
    assert applied.json()["counts"] == {"audiences": 3000}
    assert httpx.get(f"{mock.url}/__admin/clock").json()["now"] == "2014-05-13T16:53:20.000Z"


def test_control_requests_to_a_world_wait_for_its_import(mock: MockServer) -> None:
    """Snapshots, forks, resets and clocks that are asked for during an import see all of it."""
    done: list[str] = []
    begun = threading.Event()
    requests: list[tuple[str, str, Any]] = [
        ("PUT", "/__admin/snapshots/s", None),
        ("POST", "/__admin/worlds/default/fork", {"name": "copy"}),
        ("POST", "/__admin/clock/advance", {"seconds": 1}),
        ("PUT", "/__admin/worlds/default", {"settings": {}}),
    ]

    def ask(method: str, path: str, body: Any) -> None:
        assert begun.wait(60)
        response = httpx.request(method, mock.url + path, json=body, timeout=60)
        assert response.is_success, response.text
        done.append(path)

    threads = [threading.Thread(target=ask, args=request) for request in requests]
    for thread in threads:
        thread.start()

    def watch() -> None:
        if mock.world.exclusive.is_taken:
            begun.set()

    with repeating(watch):
        here_import(mock, audiences(4000))
        begun.set()
    for thread in threads:
        thread.join()
    assert len(done) == len(requests)
    assert httpx.get(f"{mock.url}/worlds/copy/__admin/health").json()["audiences"] == 4000
    assert httpx.post(f"{mock.url}/__admin/reset", json={"to": "empty"}).status_code == 204
    assert httpx.post(f"{mock.url}/__admin/snapshots/s/restore").status_code == 204
    assert httpx.get(f"{mock.url}/__admin/health").json()["audiences"] == 4000


def test_a_server_that_ends_during_an_import_keeps_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The import is rolled back before the file is closed."""
    inserted, stop = threading.Event(), threading.Event()

    def insert_and_wait(*arguments: Any) -> Any:
        insert_seed(*arguments)
        inserted.set()
        assert stop.wait(60)
        return insert_seed(*arguments)

    monkeypatch.setattr("audience_mock.core.seeds.apply.insert_seed", insert_and_wait)
    database = f"sqlite:///{tmp_path}/kept.db"
    with MockServer(database=database) as mock:

        def send() -> None:
            with pytest.raises(httpx.HTTPError):
                here_import(mock, audiences(2000))

        sending = threading.Thread(target=send)
        sending.start()
        assert inserted.wait(60)
        mock._server.should_exit = True
        threading.Timer(0.8, stop.set).start()
    sending.join()
    with MockServer(database=database) as mock:
        assert httpx.get(f"{mock.url}/__admin/health").json()["audiences"] == 0
    assert "Traceback" not in caplog.text


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "api": st.sampled_from(["pinterest", "pitchtarget"]),
            "account": st.sampled_from(["1", "22"]),
            "kind": st.just("VISITOR"),
            "name": st.text('ab"\\{}[],:ü\ud83d\ude00', min_size=1, max_size=8),
        },
        optional={"definition": st.just({"a": [1, {"b": "]}"}]}), "people": st.integers(0, 9)},
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.fixed_dictionaries(
        {},
        optional={
            "audiences": ROWS,
            "people": st.lists(st.just("a" * 64), max_size=5),
            "sequences": st.just({"pinterest.audiences": 7}),
            "clock": st.just({"now": 5.5}),
            "nothing": st.just([]),
        },
    ),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    damage=st.none() | st.tuples(st.floats(0, 1), st.sampled_from([*',}]"1\x00 ', ""])),
)
def test_a_seed_in_slices_is_the_seed_as_a_whole(
    seed: dict[str, Any], indent: int | None, ascii_only: bool, damage: tuple[float, str] | None
) -> None:
    """However large the slices are, a document makes the same seed, or has the same error."""
    text = json.dumps(seed, indent=indent, ensure_ascii=ascii_only)
    if damage is not None:
        at = int(damage[0] * len(text))
        text = text[:at] + damage[1] + text[at + 1 :]
    raw = text.encode(errors="surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seed_bodies, "SLICE_CHARACTERS", 20)
        assert outcome(seed_bodies.parse_in_slices, raw) == outcome(parse_json, raw)


def outcome(parse: Callable[..., Any], raw: bytes) -> Any:
    try:
        parsed = parse(raw, State, 10_000)
    except InvalidInputError as error:
        return str(error.details)
    except MalformedBodyError as error:
        return str(error)
    return parsed, parsed.model_fields_set


@pytest.mark.parametrize(
    "raw",
    [
        b'{"audiences":[],"audiences":[]}',
        b'{"audiences":[]}x',
        b"[]",
        b'"x"',
        b"{",
        b'{"audiences":[}',
        b'{"audiences":{}}',
        b'{"sequences":{"a":NaN}}',
        b"\xff",
        b"{}",
        b' { "people" : [ ] } \n',
    ],
)
def test_a_document_of_another_form_is_read_as_a_whole(raw: bytes) -> None:
    """Sections that come twice, and everything else that is no seed, have the usual outcome."""
    assert outcome(seed_bodies.parse_in_slices, raw) == outcome(parse_json, raw)
