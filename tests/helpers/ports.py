"""Ports for servers that cannot pick one themselves."""

import os
import random
import socket

BELOW_EPHEMERAL = range(15_000, 32_000)
"""The system gives ports from 32768 on to connections and to servers that take any (Linux): between the
choice of such a port and its use, another test may get it."""


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    candidates = random.Random(os.urandom(8))
    while True:
        port = candidates.choice(BELOW_EPHEMERAL)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
