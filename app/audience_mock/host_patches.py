"""Sends what clients with a hard-coded host ask to a world of the mock: urllib3 and requests, httpx, aiohttp.

Each library is entered where it has a request and looks for a connection, by a method that it documents, so
sessions, retries, authentication, cookies and hooks of the client work as always, whenever it was created.
The client still sees the URL that it asked for.
"""

import importlib
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import cache, wraps
from types import ModuleType, TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class HostPatch:
    """While the block runs, requests to these hosts go to the URL, in every thread of this process.

    Of several patches of a host, the one entered last decides. A host is a name for any port, or NAME:PORT.
    Raises ValueError for anything else.
    """

    def __init__(self, url: str, hosts: tuple[str, ...]) -> None:
        if not hosts:
            raise ValueError("patch_hosts takes the hosts to patch, such as 'api.pinterest.com'")
        self._hosts = frozenset(map(_checked, hosts))
        self._target = urlsplit(url)

    def __enter__(self) -> Self:
        _entered(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _left(self)

    def target(self, scheme: str, host: str, port: int | None) -> SplitResult | None:
        """Where a request to this address goes; None leaves it alone."""
        host = host.lower().strip("[]")
        with_port = f"{host}:{port or DEFAULT_PORTS.get(scheme)}"
        return self._target if host in self._hosts or with_port in self._hosts else None


def _checked(host: str) -> str:
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdecimal() and ":" not in name else host
    if not bare or any(sign in bare for sign in ":/?#@* "):
        raise ValueError(f"{host!r} is not a host: give a name, such as 'api.pinterest.com', or NAME:PORT")
    return host.lower()


# A patch of a library is one for the whole process, so this is, too.
_lock = threading.Lock()
_open: tuple[HostPatch, ...] = ()
_installed = ExitStack()


def _entered(patch: HostPatch) -> None:
    global _open  # noqa: PLW0603
    with _lock:
        if not _open:
            for name, install in _LIBRARIES.items():
                with suppress(ImportError):
                    install(importlib.import_module(name), _installed)
        _open = (*_open, patch)


def _left(patch: HostPatch) -> None:
    global _open  # noqa: PLW0603
    with _lock:
        # The last of the same: patches of other threads may end in any order.
        at = len(_open) - 1 - _open[::-1].index(patch)
        _open = _open[:at] + _open[at + 1 :]
        if not _open:
            _installed.close()


def _target(scheme: str | None, host: str | None, port: int | None) -> SplitResult | None:
    for patch in reversed(_open):
        if (target := patch.target(scheme or "", host or "", port)) is not None:
            return target
    return None


def _replace(installed: ExitStack, owner: type, name: str, replacement: Callable[..., Any]) -> None:
    """Replace a method until the stack closes, unless another tool has replaced it since: then it stays, and
    has nothing to do."""
    original = getattr(owner, name)
    replacement = wraps(original)(replacement)

    def undo() -> None:
        if getattr(owner, name) is replacement:
            setattr(owner, name, original)

    setattr(owner, name, replacement)
    installed.callback(undo)


def _patch_urllib3(urllib3: ModuleType, installed: ExitStack) -> None:
    """requests comes here, too: both end in `urlopen` of a connection pool."""
    original = urllib3.HTTPConnectionPool.urlopen
    pools: weakref.WeakKeyDictionary[Any, dict[SplitResult, Any]] = weakref.WeakKeyDictionary()
    lock = threading.Lock()

    def pool_for(pool: Any, target: SplitResult) -> Any:
        with lock:
            mine = pools.setdefault(pool, {})
            if target not in mine:
                kind = urllib3.HTTPSConnectionPool if target.scheme == "https" else urllib3.HTTPConnectionPool
                mine[target] = kind(
                    target.hostname,
                    target.port,
                    timeout=pool.timeout,
                    retries=pool.retries,
                    headers=pool.headers,
                    maxsize=pool.pool.maxsize if pool.pool else 1,
                )
            return mine[target]

    def urlopen(self: Any, method: str, url: str, *more: Any, **keywords: Any) -> Any:
        address, path = (self.scheme, self.host, self.port), url
        if "://" in url.partition("?")[0]:  # as a proxy is asked
            asked = urlsplit(url)
            address = (asked.scheme, asked.hostname, asked.port)
            path = asked._replace(scheme="", netloc="").geturl()
        target = _target(*address)
        if target is None:
            return original(self, method, url, *more, **keywords)
        return original(pool_for(self, target), method, target.path + path, *more, **keywords)

    def close() -> None:
        for each in _values(pools):
            each.close()

    installed.callback(close)
    _replace(installed, urllib3.HTTPConnectionPool, "urlopen", urlopen)


def _values(pools: "weakref.WeakKeyDictionary[Any, dict[SplitResult, Any]]") -> Iterator[Any]:
    for each in list(pools.values()):
        yield from each.values()


def _patch_httpx(httpx: ModuleType, installed: ExitStack) -> None:
    """Its transports, in the place of the client's own: that may go through a proxy."""
    ask = httpx.HTTPTransport.handle_request
    ask_async = httpx.AsyncHTTPTransport.handle_async_request

    def made(kind: Callable[..., Any], verify: bool) -> Any:
        # Connections are not kept, since the event loop of the next request may be another.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        return kind(verify=verify, trust_env=False, limits=limits)

    class OfThread(threading.local):
        """An asynchronous transport must not be shared by the event loops of several threads."""

        def __init__(self) -> None:
            self.transport = cache(made)

    transport, of_thread = cache(made), OfThread()

    def redirected(request: Any, target: SplitResult) -> Any:
        url = request.url.copy_with(
            scheme=target.scheme,
            host=target.hostname,
            port=target.port,
            raw_path=target.path.encode() + request.url.raw_path,
        )
        headers = request.headers.copy()
        headers["Host"] = target.netloc
        return httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
        )

    def handle_request(self: Any, request: Any) -> Any:
        target = _target(request.url.scheme, request.url.host, request.url.port)
        if target is None:
            return ask(self, request)
        return ask(transport(httpx.HTTPTransport, target.scheme == "https"), redirected(request, target))

    async def handle_async_request(self: Any, request: Any) -> Any:
        target = _target(request.url.scheme, request.url.host, request.url.port)
        if target is None:
            return await ask_async(self, request)
        direct = of_thread.transport(httpx.AsyncHTTPTransport, target.scheme == "https")
        return await ask_async(direct, redirected(request, target))

    _replace(installed, httpx.HTTPTransport, "handle_request", handle_request)
    _replace(installed, httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request)


def _patch_aiohttp(aiohttp: ModuleType, installed: ExitStack) -> None:
    connector = aiohttp.BaseConnector
    original = connector.connect

    async def connect(self: Any, request: Any, *more: Any, **keywords: Any) -> Any:
        url = request.url
        target = _target(url.scheme, url.host, url.port)
        if target is not None:
            origin = type(url)(target._replace(path="").geturl())
            request.url = origin.join(
                type(url)(f"{target.path}{url.raw_path_qs}", encoded=True),
            )
            request.headers["Host"] = target.netloc
            request.proxy = None
        return await original(self, request, *more, **keywords)

    _replace(installed, connector, "connect", connect)


_LIBRARIES: dict[str, Callable[[ModuleType, ExitStack], None]] = {
    "urllib3": _patch_urllib3,
    "httpx": _patch_httpx,
    "httpx2": _patch_httpx,
    "aiohttp": _patch_aiohttp,
}
