"""What starting the accept path costs: nothing is imported that it does not use."""

import os
import statistics
import subprocess
import sys

from bench.figures import Figure, paired_ratio

LIBRARIES = "import starlette.applications, starlette.routing, uvicorn, stripe, orjson, sqlite3"
ACCEPT_PATH = (
    "import bridge.http, bridge.keeper, bridge.connections, bridge.ledger.sqlite, bridge.sources.stripe.receive"
)


def figures(rounds: int) -> list[Figure]:
    """The CPU time of a process that imports the accept path, beside one that imports its libraries alone."""
    for program in (LIBRARIES, ACCEPT_PATH):
        _cpu_ms(program)
    costs = [(_cpu_ms(ACCEPT_PATH), _cpu_ms(LIBRARIES)) for _ in range(rounds)]
    ours, libraries = zip(*costs, strict=True)
    print(f"import: {statistics.median(ours):.0f} ms of CPU, its libraries alone {statistics.median(libraries):.0f} ms")
    return [Figure("import of the accept path to its libraries", paired_ratio(ours, libraries), 1.3)]


def _cpu_ms(program: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", program])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`{program}` failed")
    return (usage.ru_utime + usage.ru_stime) * 1_000
