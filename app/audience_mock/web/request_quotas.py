"""What tenants have under way: requests, bytes of bodies, requests that faults keep waiting."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from audience_mock.core.errors import QuotaExceededError, StorageQuotaExceededError
from audience_mock.core.worlds.names import tenant_of
from audience_mock.core.worlds.tenants import Tenants

REQUESTS, BYTES_IN_FLIGHT, STALLS = "requests", "bytes_in_flight", "stalls"


class RequestQuotas:
    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._held: Counter[tuple[str, str | None]] = Counter()
        """By quota and tenant, None for the server."""

    @contextmanager
    def holding(self, quota: str, world: str, amount: int) -> Iterator[None]:
        """While a tenant has so much under way. Raises QuotaExceededError, or StorageQuotaExceededError for
        what will never fit."""
        self.take(quota, world, amount)
        try:
            yield
        finally:
            self.give_back(quota, world, amount)

    def take(self, quota: str, world: str, amount: int, taken_before: int = 0) -> None:
        """As `holding`, until it is given back. `taken_before` is what the same request has already."""
        tenant = tenant_of(world)
        for quotas, whose in (
            (self._tenants.quotas(tenant), tenant),
            (self._tenants.server_quotas, None),
        ):
            limit = getattr(quotas, quota)
            if limit is not None and self._held[quota, whose] + amount > limit:
                fits = taken_before + amount <= max(limit, 1)
                raise (QuotaExceededError if fits else StorageQuotaExceededError)(quota, limit, whose)
        self._held[quota, tenant] += amount
        self._held[quota, None] += amount

    def give_back(self, quota: str, world: str, amount: int) -> None:
        for whose in (tenant_of(world), None):
            self._held[quota, whose] -= amount
            if not self._held[quota, whose]:
                del self._held[quota, whose]
