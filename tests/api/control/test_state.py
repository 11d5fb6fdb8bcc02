"""The state of a world over HTTP: exported, imported, added to, compared with another's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from audience_mock.core.seeds import schemas
from audience_mock.core.seeds.schemas import Seed
from audience_mock.testing import MockServer
from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN
from helpers.errors import control_error
from helpers.pitchtarget_requests import FILE_FIELDS, LOOKALIKE, WEBSITE
from helpers.states import APP, WRONG, audience, seed

OTHER, BUSINESS = "549755885176", "729090764583391194"
ACCOUNTS = (AD_ACCOUNT, OTHER)
SCHEMA = json.loads((Path(__file__).parents[3] / "fixtures/world.schema.json").read_text())
VISITORS = {"name": "v", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612345678901"}}


class Shop:
    """A client of both APIs in one world; each action takes a number and a text."""

    def __init__(self, mock: MockServer, world: str) -> None:
        self.client = httpx.Client(base_url=f"{mock.url}/worlds/{world}", headers=PINTEREST_TOKEN)
        self.client.get("/__admin/health")
        self.core = mock.app.state.worlds.get_or_create(world)
        mock.in_world(world).clock.freeze(1_790_000_000.123)
        self.made: list[str] = []
        self.lists: list[str] = []
        self.refresh = "pinr_mock.ads:read"

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def one(self, of: list[str], number: int) -> str:
        return of[number % len(of)] if of else "1"

    def send(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.request(method, path, **more)
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content and answer.is_success else {}

    def create(self, number: int, text: str) -> None:
        rules: list[dict[str, Any]] = [
            {
                "audience_type": "VISITOR",
                "rule": {"visitor_source_id": "1", "event_data": {"currency": text}},
            },
            {"audience_type": "ENGAGEMENT", "rule": {"engager_type": 1, "url": [text]}},
            {"audience_type": "CUSTOMER_LIST", "rule": {"customer_list_id": self.one(self.lists, number)}},
            {
                "audience_type": "ACTALIKE",
                "rule": {"seed_id": [self.one(self.made, number)], "country": "US"},
            },
        ]
        body = {"name": text, "description": text} | rules[number % 4]
        made = self.send("POST", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences", json=body)
        self.made += [made["id"]] if made else []

    def change(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences/{self.one(self.made, number)}"
        kind = "REMOVE" if number % 5 == 0 else "UPDATE"
        self.send("PATCH", path, json={"name": text, "operation_type": kind})

    def make_list(self, number: int, text: str) -> None:
        hashed = "0cc175b9c0f1b6a831c399e269772661"
        body = {"name": text, "records": f"ann{number}@example.com,{hashed},nonsense"}
        made = self.send("POST", f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists", json=body)
        self.lists.append(made["id"])

    def change_list(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists/{self.one(self.lists, number)}"
        kind = "REMOVE" if number % 3 == 0 else "ADD"
        self.send("PATCH", path, json={"operation_type": kind, "records": f"ann{number // 2}@example.com"})

    def fill_list(self, number: int, text: str) -> None:
        path = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists/{self.one(self.lists, number)}/uploads"
        made = self.send("POST", path, json={"operation": "ADD", "total_parts": 2})
        if made:
            for part in made["s3_multipart_upload_data"]["file_parts"][: 1 + number % 2]:
                sent = httpx.put(part["presigned_url"], content=f"bob{number}@example.com\nx\n".encode())
                assert sent.status_code == 200
            self.send("POST", f"{path}/{made['customer_list_upload']['id']}/run")

    def share(self, number: int, text: str) -> None:
        to, key, recipient = [
            ("ad_accounts", "recipient_account_ids", ACCOUNTS[(number + 1) % 2]),
            ("businesses", "recipient_business_ids", BUSINESS),
        ][number // 2 % 2]
        kind = "REVOKE" if number % 7 == 0 else "SHARE"
        body = {"audience_id": self.one(self.made, number), key: [recipient], "operation_type": kind}
        self.send("PATCH", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/audiences/{to}/shared", json=body)

    def make_segment(self, number: int, text: str) -> None:
        body = {"name": text, "audience_ids": [self.one(self.made, number)]}
        self.send("POST", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/customer_segments", json=body)

    def change_segment(self, number: int, text: str) -> None:
        kind = "REMOVE" if number % 5 == 0 else "UPDATE"
        body = {"id": str(5841155621967 + number % 3), "operation_type": kind, "audience_ids": []}
        self.send("PATCH", f"/v5/ad_accounts/{ACCOUNTS[number % 2]}/customer_segments", json=body)

    def make_account(self, number: int, text: str) -> None:
        body = [{}, {"name": text, "time_zone": "Europe/Oslo"}, {"country": "DE", "owner_user_id": "7"}]
        self.send("POST", "/v5/ad_accounts", json=body[number % 3])

    def ask_for_tokens(self, number: int, text: str) -> None:
        form = {"grant_type": "authorization_code", "code": f"c{number % 4}", "redirect_uri": "https://a.b/c"}
        if number % 3 == 0:
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        given = self.send("POST", "/v5/oauth/token", data=form, auth=APP)
        self.refresh = given.get("refresh_token", self.refresh)

    def upload(self, number: int, text: str) -> None:
        file = {"file": ("a.txt", "\n".join(f"{number % 5}{n}" for n in range(number)) + "\nx\n")}
        if number % 2 and self.send("GET", "/custom_audiences/54", headers=PITCHTARGET_TOKEN):
            self.send("PUT", "/custom_audiences/54", files=file, headers=PITCHTARGET_TOKEN)
        else:
            fields = FILE_FIELDS | {"name": text, "user_type": "fbid"}
            self.send("POST", "/custom_audiences", data=fields, files=file, headers=PITCHTARGET_TOKEN)

    def make_alike(self, number: int, text: str) -> None:
        body = [
            LOOKALIKE | {"origin_audience_id": [54, "54"][number // 2 % 2]},
            WEBSITE | {"rule": f'{{"a": 1.0, "url":{{"i_contains":{json.dumps(text)}}}}}'},
        ][number % 2]
        self.send(
            "POST",
            "/custom_audiences",
            json=body | {"name": text, "fb_ad_account_id": "12345678901234567890"},
            headers=PITCHTARGET_TOKEN,
        )

    def make_pixel(self, number: int, text: str) -> None:
        body = {"fb_ad_account_id": "2", "name": text, "tag": "LEAD"}
        self.send("POST", "/offsite_pixels", json=body, headers=PITCHTARGET_TOKEN)

    def delete(self, number: int, text: str) -> None:
        self.send("DELETE", f"/custom_audiences/{54 + number % 5}", headers=PITCHTARGET_TOKEN)

    def wait(self, number: int, text: str) -> None:
        self.core.clock.advance(number * 500)

    def reads(self) -> dict[str, str]:
        """What every read of both APIs answers in this world."""
        found: dict[str, str] = {}

        def read(path: str, headers: dict[str, str] = PINTEREST_TOKEN) -> Any:
            answer = self.client.get(path, headers=headers)
            found[path] = f"{answer.status_code} {answer.text}"
            return answer.json() if answer.is_success else {}

        def pages(path: str) -> Iterator[Any]:
            mark = ""
            while mark is not None:
                page = read(f"{path}page_size=2" + (f"&bookmark={mark}" if mark else ""))
                yield from page["items"]
                mark = page["bookmark"] and str(httpx.QueryParams({"b": page["bookmark"]}))[2:]

        for account in [one["id"] for one in pages("/v5/ad_accounts?")] or ACCOUNTS:
            at = f"/v5/ad_accounts/{account}"
            read(at)
            for one in pages(f"{at}/audiences?order=DESCENDING&"):
                read(f"{at}/audiences/{one['id']}")
                for kind in ("AD_ACCOUNT", "BUSINESS"):
                    read(f"{at}/audiences/shared/accounts?audience_id={one['id']}&account_type={kind}")
            list(pages(f"{at}/audiences?ownership_type=RECEIVED&"))
            list(pages(f"{at}/customer_segments?"))
            for one in pages(f"{at}/customer_lists?"):
                read(f"{at}/customer_lists/{one['id']}")
                for number in range(2680059001, 2680059005):
                    read(f"{at}/customer_lists/{one['id']}/uploads/{number}")
            read(f"{at}/insights/audiences")
            read(f"{at}/audience_insights?audience_insight_type=YOUR_TOTAL_AUDIENCE")
        list(pages(f"/v5/businesses/{BUSINESS}/audiences?"))
        for account in ("2", "12345678901234567890"):
            query = f"fb_ad_account_id={account}"
            read(f"/custom_audiences?{query}", PITCHTARGET_TOKEN)
            read(f"/customaudiences?{query}", PITCHTARGET_TOKEN)
            read(f"/offsite_pixels?{query}", PITCHTARGET_TOKEN)
        for number in range(54, 64):
            read(f"/custom_audiences/{number}", PITCHTARGET_TOKEN)
            read(f"/customaudiences/{number}", PITCHTARGET_TOKEN)
        read("/__admin/uploads")
        return found


ACTIONS = tuple(
    name
    for name in vars(Shop)
    if name not in ("one", "send", "reads") and not name.startswith("_") and callable(vars(Shop)[name])
)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
).filter(str.strip)


@pytest.fixture(scope="module")
def shared() -> Iterator[MockServer]:
    """One server for many worlds."""
    with MockServer() as server:
        yield server


def same_again(mock: MockServer, before: Shop, name: str) -> None:
    """The world answers the same when it is emptied and seeded with its state, and so has the same state."""
    reads = before.reads()
    state = before.client.get("/__admin/state")
    assert state.status_code == 200, state.text
    jsonschema.Draft202012Validator(SCHEMA).validate(state.json())
    with Shop(mock, f"{name}-again") as after:
        assert after.client.post("/__admin/reset", json={"to": "empty"}).status_code == 204
        imported = after.client.post("/__admin/seed", content=state.content)
        assert imported.status_code == 200, imported.text
        assert after.reads() == reads
        assert after.client.get("/__admin/state").content == state.content
        between = f"{mock.url}/__admin/worlds/{name}/diff/{name}-again"
        assert httpx.get(between).json() == {}


_count = iter(range(10**9))


@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(actions=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 30), texts), max_size=14))
def test_a_state_brings_a_world_back(shared: MockServer, actions: list[tuple[str, int, str]]) -> None:
    """An empty world seeded with another's state answers every read with the same bytes and exports the same
    state, whatever was done in the other."""
    name = f"w{next(_count)}"
    with Shop(shared, name) as shop:
        for action, number, text in actions:
            getattr(shop, action)(number, text)
        same_again(shared, shop, name)


def work(shop: Shop) -> None:
    """Creates rows for every section of a seed."""
    for number in range(1, 9):
        for action in ("make_list", "create", "fill_list", "upload", "share", "ask_for_tokens", "make_alike"):
            getattr(shop, action)(number, f"n{number}")
    shop.fill_list(9, "")
    shop.make_pixel(1, "p")
    for number in range(1, 3):
        shop.make_segment(number, f"n{number}")
        shop.make_account(number, f"n{number}")
    shop.client.post(
        "/__admin/seed",
        json={
            "facebook_ids": ["7"],
            "people": ["ann@example.com"],
            "apps": [{"id": "1", "secret": "s"}],
            "businesses": [{"id": BUSINESS, "name": "B", "ad_accounts": [{"id": OTHER, "name": "O"}]}],
            "tokens": [{"token": "pina_x", "scopes": ["ads:read"], "ad_accounts": ["1"], "expires_at": 2e9}],
            "audiences": [{"api": "pitchtarget", "account": "2", "kind": "APP", "name": "a", "ready_in_s": 60,
                           "facebook_object": {"account_id": "9"}, "status": "TOO_SMALL"}],
        },
    ).raise_for_status()  # fmt: skip


def test_a_state_has_every_section(shared: MockServer) -> None:
    """A world that holds something of everything has it all in its state, which brings it back."""
    with Shop(shared, "everything") as shop:
        work(shop)
        state = shop.client.get("/__admin/state").json()
        named = {field.alias or name for name, field in Seed.model_fields.items()}
        assert state.keys() == named - {"$schema"}
        assert any("links" in one for one in state["customer_lists"])
        assert any("parts" in one for one in state["customer_list_uploads"])
        assert any("errors" in one for one in state["customer_list_uploads"])
        assert any(one["invalid_lines"] for one in state["uploads"])
        same_again(shared, shop, "everything")


NOT_IN_A_STATE = {
    *("audiences.key", "uploads.key", "pixels.key", "upload_parts.file", "upload_pieces.file"),
    "upload_pieces.piece",
    *("upload_parts.size_bytes", "next_facebook_ids.position"),
    # Which ad accounts there are follows from what is described, and what is in them.
    *("listed_accounts.digits", "listed_accounts.id"),
    *("world_metadata.name", "world_metadata.value"),
}
"""Numbers that no answer shows, what content or order say, the clock (there as such) and settings."""


OTHER_VALUES = {
    **dict.fromkeys(("digest", "content"), "x'00'"),
    **dict.fromkeys(("definition", "facebook_object", "errors"), "'{\"a\":1}'"),
    **dict.fromkeys(("user_set", "link_set"), "NULL"),
    "invalid_lines": "'[[1, \"b\"]]'",
}


@pytest.mark.sqlite_only(reason="it looks into SQLite")
def test_a_state_has_every_column(shared: MockServer) -> None:
    """A change of any column changes the exported state: no column is left out."""
    with Shop(shared, "columns") as shop:
        work(shop)
        run = shop.core.database.driver.execute
        shop.client.put("/__admin/snapshots/before").raise_for_status()
        before = shop.client.get("/__admin/state").content
        for table in SQLModel.metadata.sorted_tables:
            for column in table.columns:
                name = f"{table.name}.{column.name}"
                if name in NOT_IN_A_STATE or table.name == "user_blocks":
                    continue
                other = OTHER_VALUES.get(column.name, "12345")
                which = f'WHERE "{column.name}" IS NOT NULL' if other == "NULL" else ""
                last = f"(SELECT max(rowid) FROM {table.name} {which})"
                changed = run(f'UPDATE {table.name} SET "{column.name}" = {other} WHERE rowid = {last}')
                assert changed.rowcount == 1, name
                after = shop.client.get("/__admin/state").content
                assert after != before, f"{name} is not in the state"
                shop.client.post("/__admin/snapshots/before/restore").raise_for_status()


def test_a_state_too_large_is_rejected(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world with more users than a state may have says so, and what to do instead."""
    monkeypatch.setattr("audience_mock.core.seeds.export.MAX_BYTES", 31)
    seed(mock, {"audiences": [audience(1, users=["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])]})
    error = control_error(httpx.get(f"{mock.url}/__admin/state"), 409)
    assert "take a snapshot" in error["error"]


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_many_audiences(mock: MockServer, count: int) -> None:
    """Audiences by the thousand are imported by one request, in one transaction, and exported again."""
    body = {"audiences": [audience(number, people=number) for number in range(1, count + 1)]}
    answer = seed(mock, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"] == {"audiences": count}
    state = httpx.get(f"{mock.url}/__admin/state", timeout=60)
    assert state.content.count(b'\n{"api":') == count
    error = control_error(seed(mock, {"audiences": [audience(count + 1), audience(9)]}), 409)
    assert error["field"] == "audiences.1.id"
    assert httpx.get(f"{mock.url}/__admin/health").json()["audiences"] == count


def test_the_files_of_worlds_fit_the_schema() -> None:
    """Each included world fits the JSON Schema, which rejects what the seed format rejects."""
    folder = Path(__file__).parents[3] / "fixtures/worlds"
    check = jsonschema.Draft202012Validator(SCHEMA)
    files = sorted(folder.glob("*.json"))
    assert len(files) >= 8
    for file in files:
        check.validate(json.loads(file.read_text()))
    by_format = [(body, field) for body, field in WRONG if check.is_valid(body)]
    # What no schema can say: bytes within base64, JSON within a text, and whether something else is there.
    assert {field for _, field in by_format} == {
        *("audiences.0.customer_list", "audiences.0.users.0", "audiences.0.definition"),
        *("customer_lists.0.records", "customer_list_uploads.0.customer_list", "shares.0.audience"),
    }


def test_the_schema_is_the_formats() -> None:
    """fixtures/world.schema.json is what the command `schema` prints."""
    assert schemas.json_schema() == SCHEMA
