"""What a request passes before it is served where a server has tenants: quotas, and turns.

A request runs when it is its tenant's turn, so one tenant that floods makes others wait for one of its
requests, and not for all that arrived. A request over a quota waits for a turn, too: to say no takes time as
well. So does each piece of a large body, and each step of what takes many.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audience_mock.core.errors import QuotaExceededError
from audience_mock.core.steps import Pause, pausing
from audience_mock.core.worlds.names import tenant_of
from audience_mock.core.worlds.quotas import Ledger
from audience_mock.core.worlds.tenants import Tenants
from audience_mock.core.worlds.world import DEFAULT
from audience_mock.web.context import context_of
from audience_mock.web.journal import record
from audience_mock.web.provider_app import Provider
from audience_mock.web.request import MockRequest
from audience_mock.web.request_quotas import BYTES_IN_FLIGHT, REQUESTS, RequestQuotas
from audience_mock.web.turns import Turns

_OTHERS = ""
"""Stands for all tenants without an entry in the file; no name of a tenant is blank."""

LARGE_BYTES = 1 << 16
"""Of a body that comes in more than one piece. Chosen: as many as uvicorn holds before it stops reading."""


class FairAdmission:
    """Wraps the applications of a server."""

    def __init__(self, tenants: Tenants, quotas: RequestQuotas, ledger: Ledger) -> None:
        self.quotas = quotas
        self._tenants = tenants
        self._ledger = ledger
        self._turns = Turns()

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._turns)

    async def wait_to_open(self, world: str, prepare: Callable[[], Awaitable[None]] | None = None) -> None:
        """Until it is the turn of a request that opens or makes a world; then it is prepared, in turns."""
        turn = partial(self._turns.wait, self._sharer_of(world))
        await turn()
        if prepare is not None:
            with pausing(turn):
                await prepare()

    def _sharer_of(self, world: str) -> str:
        """Whose turn a request to this world takes. All tenants that the file does not name share one: a
        client can make up any number of names, each of which would have the share of a tenant."""
        tenant = tenant_of(world)
        return tenant if tenant in self._tenants or tenant == DEFAULT else _OTHERS

    def around(self, app: ASGIApp, provider: Provider) -> ASGIApp:
        """The application of a provider, within the quotas; its errors are the provider's.

        The control API has turns and no quota of requests: by it, a tenant ends what fills the quota.
        """

        async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            context = context_of(scope)
            world = context.world.name
            counted = False
            try:
                if provider.journalled:
                    self.quotas.take(REQUESTS, world, 1)
                    counted = True
                turn = partial(self._turns.wait, self._sharer_of(world))
                await turn()
                with _Body(self.quotas, world, scope, receive, turn) as body, pausing(turn):
                    await app(scope, body.receive, send)
            except QuotaExceededError as error:
                if error.quota == REQUESTS:
                    await self._turns.wait(self._sharer_of(world))
                context.provider = provider
                request = MockRequest(scope, receive, send)
                response = context.provider.error_response(request, error)
                record(request, None, response)
                await response(scope, receive, send)
            finally:
                if counted:
                    self.quotas.give_back(REQUESTS, world, 1)
                if context.world.quotas is not None:  # or it was deleted meanwhile
                    self._ledger.bound_journal(context.world)

        return admitted


class _Body:
    """Counts the body of a request while it is served: what it declares, or what arrives of it. Each piece of
    a large one waits for a turn, since handling it may take as long as a request."""

    def __init__(
        self, quotas: RequestQuotas, world: str, scope: Scope, receive: Receive, turn: Pause
    ) -> None:
        self._turn = turn
        self._quotas = quotas
        self._world = world
        self._held = 0
        self._receive = receive
        self._declared = 0
        self.receive = receive
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and len(value) < 20:
                self._declared = int(value)
                if self._declared > LARGE_BYTES:
                    self.receive = self._receive_in_turn
            elif name == b"transfer-encoding":
                self.receive = self._count

    def __enter__(self) -> "_Body":
        if self._declared:
            self._take(self._declared)
        return self

    def __exit__(self, *error: object) -> None:
        if self._held:
            self._quotas.give_back(BYTES_IN_FLIGHT, self._world, self._held)

    async def _receive_in_turn(self) -> Message:
        message = await self._receive()
        await self._turn()
        return message

    async def _count(self) -> Message:
        message = await self._receive_in_turn()
        if message["type"] == "http.request":
            self._take(len(message.get("body", b"")))
        return message

    def _take(self, size_bytes: int) -> None:
        self._quotas.take(BYTES_IN_FLIGHT, self._world, size_bytes, self._held)
        self._held += size_bytes
