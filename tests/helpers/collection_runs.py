"""What runs of the collections in clients/collections share, whoever sends the requests."""

from helpers.engines import POSTGRESQL, SQLITE

REJECTED = {SQLITE: [], POSTGRESQL: ["Back up the server", "Get a bundle", "Compare two versions of an API"]}
"""Requests that a server on an engine rejects with 409: PostgreSQL has backups of its own, and records no
world."""
