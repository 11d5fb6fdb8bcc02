"""Time until a server answers, from a warm and from a cold file cache, and its memory use then."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.processes import ask, memory_bytes
from benchmarks.report import Results
from benchmarks.servers import Server

WARM, COLD = "ready, warm file cache", "ready, cold file cache"
MEMORY = "idle memory"
MIB = 1 << 20


def measure(servers: list[Server], *, folder: Path, rounds: int) -> Results:
    """Every server starts once before it counts, so that its compiled bytecode is there."""
    results = Results()
    for server in servers:
        with server.running(folder):
            pass
    for _ in range(rounds):
        for server in servers:
            with server.running(folder) as process:
                results.add(WARM, server.name, {"ready_ms": process.ready_ms})
                ask(process.port, server.ready)
                mib = memory_bytes(process.pid, "VmRSS") / MIB
                results.add(MEMORY, server.name, {"rss_mib": mib})
    os.sync()  # pages that are not written yet cannot be evicted from the cache
    for _ in range(rounds):
        for server in servers:
            evict(server.files)
            with server.running(folder) as process:
                results.add(COLD, server.name, {"ready_ms": process.ready_ms})
    return results


def evict(roots: tuple[Path, ...]) -> int:
    """Evicts these files from the page cache and returns how many. Pages mapped by another process and
    directory entries stay."""
    count = 0
    if not hasattr(os, "posix_fadvise"):
        return count
    for file in _files(roots):
        with suppress(OSError):
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                count += 1
            finally:
                os.close(descriptor)
    return count


def _files(roots: tuple[Path, ...]) -> Iterator[str]:
    for root in roots:
        if root.is_file():
            yield str(root)
        for folder, _, names in os.walk(root):
            yield from (os.path.join(folder, name) for name in names)
