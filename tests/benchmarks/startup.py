"""How long until a server answers, from a warm and from a cold file cache, and what it holds then."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.processes import ask, memory_bytes
from benchmarks.report import Results

WARM, COLD = "ready, warm file cache", "ready, cold file cache"
MEMORY = "idle memory"
MIB = 1 << 20


def measure(contenders: list[Contender], *, folder: Path, rounds: int) -> Results:
    """Every contender starts once before it counts, so that its compiled bytecode is there."""
    results = Results()
    for contender in contenders:
        with contender.running(folder):
            pass
    for _ in range(rounds):
        for contender in contenders:
            with contender.running(folder) as server:
                results.add(WARM, contender.name, {"ready_ms": server.ready_ms})
                ask(server.port, contender.ready)
                mib = memory_bytes(server.pid, "VmRSS") / MIB
                results.add(MEMORY, contender.name, {"rss_mib": mib})
    os.sync()  # what is not on the disk yet cannot be thrown out of the cache
    for _ in range(rounds):
        for contender in contenders:
            evict(contender.files)
            with contender.running(folder) as server:
                results.add(COLD, contender.name, {"ready_ms": server.ready_ms})
    return results


def evict(roots: tuple[Path, ...]) -> int:
    """Ask the system to forget the content of these files; answers how many. It keeps what another
    process has mapped, and the names of the files."""
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
