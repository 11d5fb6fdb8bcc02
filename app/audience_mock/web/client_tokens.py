"""The tokens that the clients of a tenant have for an API, where the server's file of tenants lists some."""

from audience_mock.web.request import MockRequest


def of_tenant(request: MockRequest) -> frozenset[str] | None:
    """The digests of the tokens that this API takes in this world; None if that is left to the API."""
    tenants, provider = request.context.served.tenants, request.context.provider
    if tenants is None or provider is None:
        return None
    return tenants.client_tokens(request.world.name, provider.name)


def has(listed: frozenset[str], token: str) -> bool:
    """Whether a token is among them."""
    # A server without tenants never comes here.
    from audience_mock.core.worlds.tenants import digest_of  # noqa: PLC0415

    return digest_of(token) in listed
