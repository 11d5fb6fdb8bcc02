"""Clients that change worlds at random, each one call at a time, beside a model of what their worlds hold.

After a kill, a restart shows what the model held before the call that was cut off, or after it. The
model takes over what was found, so each kill finds what is left of all that came before.
"""

import copy
import json
import random
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from helpers.accounts import AD_ACCOUNT, PINTEREST_TOKEN, PITCHTARGET_TOKEN

MAX_WORLDS = 3
"""Worlds of a client at a time."""

MAX_UPLOADS = 5
"""Uploads to customer lists that a world has."""

TIMEOUT_S = 60
AUDIENCES = f"/v5/ad_accounts/{AD_ACCOUNT}/audiences"
LISTS = f"/v5/ad_accounts/{AD_ACCOUNT}/customer_lists"
CREATE = {"name": "Visitors", "audience_type": "VISITOR", "rule": {"visitor_source_id": "2612523499806"}}
START_S = 1_800_000_000
USERS = b"".join(b"%d\n" % number for number in range(3000))
RECORDS = b"".join(b"%d@example.com\n" % number for number in range(2000))


@dataclass
class Content:
    """What a world's database holds, and a snapshot keeps: how many users each audience has, by name; how far
    each upload to a customer list is; the time (0: the clock runs); PitchTarget's next id."""

    audiences: dict[str, int] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    now_s: int = START_S
    next_id: int = 54


@dataclass
class World:
    settings: dict[str, Any] = field(default_factory=dict)
    content: Content = field(default_factory=Content)
    snapshots: dict[str, Content] = field(default_factory=dict)


Worlds = dict[str, World]


class Client:
    """Changes its worlds by one call after the other, and the model of them as soon as a call is answered."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)
        self._names = 0
        self._prefix = f"c{number}"
        self._first = "default" if number == 0 else self._new_name()
        self.worlds: Worlds = {"default": World(content=Content(now_s=0))} if number == 0 else {}
        self.after: Worlds | None = None
        """The model as it is to be once the call that is on its way is answered."""
        self.answered = 0

    def _new_name(self) -> str:
        self._names += 1
        return f"{self._prefix}-{self._names}"

    def run_until_the_kill(self, url: str) -> None:
        with httpx.Client(base_url=url, headers=PINTEREST_TOKEN, timeout=TIMEOUT_S) as http:
            try:
                if self._first not in self.worlds:
                    self._create_world(http, self._first)
                while True:
                    self._call(http)
            except httpx.TransportError:
                return

    def _call(self, http: httpx.Client) -> None:
        name = self._random.choice(sorted(self.worlds))
        call = self._random.choice(
            [
                self._create,
                self._upload,
                self._set_settings,
                self._set_clock,
                self._take,
                self._take,
                self._restore,
                self._reset,
                self._fork,
                self._delete_world,
                self._delete_snapshot,
                self._send_part,
            ]
        )
        call(http, name)

    @contextmanager
    def _changing(self) -> Iterator[Worlds]:
        """The block sends the call, and changes the model that counts from its answer on."""
        after = copy.deepcopy(self.worlds)
        self.after = after
        yield after
        self.worlds, self.after = after, None
        self.answered += 1

    def _send(self, http: httpx.Client, method: str, path: str, **more: Any) -> Any:
        answer = http.request(method, path, **more)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def _create_world(self, http: httpx.Client, name: str) -> None:
        settings = {"build_delay_s": self._random.randrange(100)}
        with self._changing() as worlds:
            worlds[name] = World(settings, Content(now_s=0))
            self._send(http, "PUT", f"/__admin/worlds/{name}", json={"settings": settings})
        self._set_clock(http, name)

    def _create(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            audience = self._new_name()
            worlds[name].content.audiences[audience] = 0
            self._send(http, "POST", f"/worlds/{name}{AUDIENCES}", json={**CREATE, "name": audience})

    def _upload(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            audience = self._new_name()
            content = worlds[name].content
            content.audiences[audience] = 3000
            content.next_id += 1
            self._send(
                http,
                "POST",
                f"/worlds/{name}/custom_audiences",
                data={"fb_ad_account_id": "107", "name": audience, "user_type": "fbid"},
                files={"file": USERS},
                headers=PITCHTARGET_TOKEN,
            )

    def _set_settings(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            settings = {"build_delay_s": self._random.randrange(100)}
            worlds[name].settings = settings
            self._send(http, "PUT", f"/__admin/worlds/{name}", json={"settings": settings})

    def _set_clock(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            now_s = START_S + self._random.randrange(10**6)
            worlds[name].content.now_s = now_s
            body = {"now": now_s, "frozen": True}
            self._send(http, "PUT", f"/worlds/{name}/__admin/clock", json=body)

    def _take(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            snapshot = self._random.choice(["one", "two"])
            worlds[name].snapshots[snapshot] = copy.deepcopy(worlds[name].content)
            self._send(http, "PUT", f"/worlds/{name}/__admin/snapshots/{snapshot}")

    def _restore(self, http: httpx.Client, name: str) -> None:
        if self.worlds[name].snapshots:
            with self._changing() as worlds:
                snapshot = self._random.choice(sorted(worlds[name].snapshots))
                worlds[name].content = copy.deepcopy(worlds[name].snapshots[snapshot])
                self._send(http, "POST", f"/worlds/{name}/__admin/snapshots/{snapshot}/restore")

    def _delete_snapshot(self, http: httpx.Client, name: str) -> None:
        if self.worlds[name].snapshots:
            with self._changing() as worlds:
                snapshot = self._random.choice(sorted(worlds[name].snapshots))
                del worlds[name].snapshots[snapshot]
                self._send(http, "DELETE", f"/worlds/{name}/__admin/snapshots/{snapshot}")

    def _reset(self, http: httpx.Client, name: str) -> None:
        with self._changing() as worlds:
            worlds[name].content = Content(now_s=0)
            self._send(http, "POST", f"/worlds/{name}/__admin/reset", json={"to": "empty"})
        self._set_clock(http, name)

    def _fork(self, http: httpx.Client, name: str) -> None:
        if len(self.worlds) < MAX_WORLDS:
            with self._changing() as worlds:
                fork = self._new_name()
                worlds[fork] = World(
                    copy.deepcopy(worlds[name].settings), copy.deepcopy(worlds[name].content)
                )
                self._send(http, "POST", f"/__admin/worlds/{name}/fork", json={"name": fork})

    def _delete_world(self, http: httpx.Client, name: str) -> None:
        if name != self._first:
            with self._changing() as worlds:
                del worlds[name]
                self._send(http, "DELETE", f"/__admin/worlds/{name}")

    def _send_part(self, http: httpx.Client, name: str) -> None:
        """Create a list and an upload to it, send its part, and run it."""
        if len(self.worlds[name].content.uploads) >= MAX_UPLOADS:
            return
        lists, body = f"/worlds/{name}{LISTS}", {"name": "l", "list_type": "EMAIL", "records": "a@x.org"}
        uploads = f"{lists}/{self._send(http, 'POST', lists, json=body)['id']}/uploads"
        with self._changing() as worlds:
            worlds[name].content.uploads.append("begun")
            begun = self._send(http, "POST", uploads, json={"operation": "ADD", "total_parts": 1})
        (part,) = begun["s3_multipart_upload_data"]["file_parts"]
        with self._changing() as worlds:
            worlds[name].content.uploads[-1] = f"{len(RECORDS)} bytes"
            self._send(http, "PUT", part["presigned_url"], content=RECORDS)
        with self._changing() as worlds:
            worlds[name].content.uploads[-1] = "2000 valid"
            self._send(http, "POST", f"{uploads}/{begun['customer_list_upload']['id']}/run")

    def check(self, url: str) -> None:
        """What is found is what was before the call that was cut off, or after it."""
        with httpx.Client(base_url=url, timeout=TIMEOUT_S) as http:
            mine = filter(self._is_mine, _get(http, "/__admin/worlds")["worlds"])
            found = {name: _found(http, name) for name in mine}
        allowed = [_comparable(worlds) for worlds in (self.worlds, self.after) if worlds is not None]
        seen = _comparable(found)
        assert seen in allowed, json.dumps({"found": seen, "before, after": allowed}, indent=1)
        self.worlds = self.after if self.after is not None and seen == allowed[-1] else self.worlds
        self.after = None

    def _is_mine(self, name: str) -> bool:
        return name in (self.worlds | (self.after or {})) or name.startswith(f"{self._prefix}-")


def _comparable(worlds: Worlds) -> dict[str, Any]:
    return {
        name: {
            "settings": world.settings,
            "content": _as_json(world.content),
            "snapshots": {name: _as_json(content) for name, content in sorted(world.snapshots.items())},
        }
        for name, world in sorted(worlds.items())
    }


def _as_json(content: Content) -> dict[str, Any]:
    return {**vars(content), "audiences": dict(sorted(content.audiences.items()))}


def _found(http: httpx.Client, name: str) -> World:
    """A world as the server shows it, and its snapshots as it shows them once it is restored to them."""
    about = _get(http, f"/__admin/worlds/{name}")
    world = World(about["settings"], _content(http, name))
    snapshots, before = f"/worlds/{name}/__admin/snapshots", "before-the-check"
    http.put(f"{snapshots}/{before}").raise_for_status()
    for snapshot in about["snapshots"]:
        http.post(f"{snapshots}/{snapshot}/restore").raise_for_status()
        world.snapshots[snapshot] = _content(http, name)
    http.post(f"{snapshots}/{before}/restore").raise_for_status()
    http.delete(f"{snapshots}/{before}").raise_for_status()
    assert _content(http, name) == world.content
    return world


def _content(http: httpx.Client, name: str) -> Content:
    state = _get(http, f"/worlds/{name}/__admin/state")
    clock = _get(http, f"/worlds/{name}/__admin/clock")
    return Content(
        {each["name"]: _users(each) for each in state.get("audiences", [])},
        [_progress(each) for each in state.get("customer_list_uploads", [])],
        int(clock["unix"]) if clock["frozen"] else 0,
        int(_get(http, f"/worlds/{name}/__admin/ids")["pitchtarget_audience"]),
    )


def _get(http: httpx.Client, path: str) -> Any:
    return http.get(path).raise_for_status().json()


def _users(audience: dict[str, Any]) -> int:
    return sum(len(b64decode(block)) // 32 for block in audience.get("users", []))


def _progress(upload: dict[str, Any]) -> str:
    if "valid" in upload:
        return f"{upload['valid']} valid"
    if "parts" in upload:
        return f"{sum(len(b64decode(piece)) for piece in upload['parts'][0]['content'])} bytes"
    return "begun"
