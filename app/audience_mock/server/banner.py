"""What `serve` prints on a terminal, in place of its one line: where everything is, and how to stop it."""

from collections.abc import Iterator

from fastapi import FastAPI

from audience_mock import __version__
from audience_mock.core.store.database import without_password
from audience_mock.settings import Settings

CONSOLE, DOCS = "/__admin/ui", "/docs"
"""Pages for a browser. They are named if this server has them; else the index page, which lists all pages."""


def banner(app: FastAPI, settings: Settings, url: str) -> str:
    rows = list(_rows(app, settings, url))
    width = max(len(label) for label, _ in rows)
    lines = (f"  {label.ljust(width)}  {value}" for label, value in rows)
    return "\n".join([f"Audience Mock {__version__} is ready at {url}", "", *lines, ""])


def _rows(app: FastAPI, settings: Settings, url: str) -> Iterator[tuple[str, str]]:
    pages = {getattr(route, "path", None) for route in app.routes}
    for name, api in app.state.providers.items():
        yield f"{name} API", url + api.base_path
    if settings.public_url is not None:
        yield "public URL", settings.public_url
    yield "control API", f"{url}/__admin" if settings.admin else "off (--no-admin)"
    if settings.admin and CONSOLE in pages:
        yield "console", f"{url}{CONSOLE}/"
    yield "docs", url + (DOCS if DOCS in pages else "/")
    yield "world", f"default; others at {url}/worlds/NAME"
    yield "store", _store(app, settings)
    if settings.seed is not None:
        yield "seed", settings.seed + ("" if app.state.worlds.seeded else ", ignored: the store has data")
    yield "stop", "Ctrl-C"


def _store(app: FastAPI, settings: Settings) -> str:
    if app.state.worlds.default.database.file is None:
        return "in memory, gone at the end (--database sqlite:///FILE keeps it)"
    return without_password(settings.database)
