"""Which worlds a request may name, where that is not any."""

from starlette.types import Scope

from audience_mock.control.access import Access
from audience_mock.core.worlds.names import check_name
from audience_mock.core.worlds.world import World
from audience_mock.core.worlds.worlds import Worlds
from audience_mock.web.context import route_path

_CONTROL = "__admin"


class WorldAdmission:
    """`any_name` is whether a request makes the world that it names."""

    def __init__(self, worlds: Worlds, access: Access, *, any_name: bool) -> None:
        self._worlds = worlds
        self._access = access
        self._any_name = any_name

    async def prepare(self, scope: Scope, name: str) -> None:
        """Make the world of a request in steps, if there is none and the request makes it. Raises as when
        called."""
        if name not in self._worlds and self._makes(scope, name):
            await self._worlds.make(name)
        await self._worlds.until_free(name)

    def __call__(self, scope: Scope, name: str) -> World:
        """The world of a request that names one. Raises NotFoundError, and as `Worlds.get_or_create`."""
        makes = self._makes(scope, name)
        if makes is None:
            return self._worlds.default
        if makes:
            return self._worlds.get_or_create(name)
        check_name(name)
        return self._worlds.find(name)

    def _makes(self, scope: Scope, name: str) -> bool | None:
        """Whether a request makes the world that it names; None if its caller is rejected anyway. Raises
        NotFoundError."""
        makes = self._any_name
        if self._access.tenants is not None and is_control(scope):
            authorization = next((value for key, value in scope["headers"] if key == b"authorization"), b"")
            caller = self._access.holder_of(authorization.decode("latin-1"))
            if caller is None:
                # Nothing is made for a caller whom the route rejects.
                return None
            caller.check_sees(name)
            makes = makes and caller.may_change
        return makes


def is_control(scope: Scope) -> bool:
    """Whether a request is for the control API, in whatever world."""
    return route_path(scope).lstrip("/").partition("/")[0] == _CONTROL
