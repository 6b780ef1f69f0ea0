"""What the functions that take webhooks in cost on AWS: from the start of a process to its first answer, beside a
function that does nothing, and for each webhook after that. They run from the zip that `make package` makes, one source
each, in AWS's own runtime.
"""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from bench.figures import Figure, paired_ratio
from bench.processes import Server
from bridge.aws.package.build import build
from bridge.aws.package.wheels import Platform
from bridge.standins.lambda_ingest import RUNTIME_COMMAND, Event, running_ingest
from bridge.standins.lambda_runtime import Function, running_function

TO_REACH = {"stripe": 3.4, "google": 3.6, "apple": 4.3}
WARM_TO_REACH_MS = 1.0
EMPTY = "def handler(event, context):\n    return {'statusCode': 200}\n"

Costs = tuple[float, float]
"""CPU in milliseconds: up to the first answer, and for each webhook after it."""


def figures(rounds: int, webhooks: int) -> list[Figure]:
    """Measure each source and the function that does nothing next to each other in each round."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "empty.py").write_text(EMPTY)
        build(folder / "bridge.zip", Platform.here())
        with ZipFile(folder / "bridge.zip") as archive:
            archive.extractall(folder / "task")
        return [figure for source in TO_REACH for figure in _figures(source, folder, rounds, webhooks)]


def _figures(source: str, folder: Path, rounds: int, webhooks: int) -> list[Figure]:
    costs = [_round(source, folder, webhooks) for _ in range(rounds)]
    ours, empty = zip(*costs, strict=True)
    (first, warm), (empty_first, empty_warm) = zip(*ours, strict=True), zip(*empty, strict=True)
    own_ms = statistics.median(our - their for our, their in zip(warm, empty_warm, strict=True))
    print(
        f"{source} on Lambda: {statistics.median(first):.0f} ms of CPU to the first answer, "
        f"a function that does nothing {statistics.median(empty_first):.0f} ms"
    )
    return [
        Figure(
            f"{source} function, cold, to one that does nothing", paired_ratio(first, empty_first), TO_REACH[source]
        ),
        Figure(f"{source} function, warm, own CPU of a webhook in ms", own_ms, WARM_TO_REACH_MS),
    ]


def _round(source: str, folder: Path, webhooks: int) -> tuple[Costs, Costs]:
    """What ours costs, and what the one that does nothing costs with the very same events."""
    with running_ingest(source, folder / "task", folder) as ingest:
        events = [ingest.webhook(0) for _ in range(webhooks + 1)]
        ours = _costs(ingest.function, events)
    with running_function(RUNTIME_COMMAND, folder, "empty.handler", {}) as function:
        return ours, _costs(function, events)


def _costs(function: Function, events: Sequence[Event]) -> Costs:
    process = Server(function.pid, port=0)
    _accepted(function, events[0])
    cold_s = process.cpu_s()
    for event in events[1:]:
        _accepted(function, event)
    return cold_s * 1_000, (process.cpu_s() - cold_s) * 1_000 / (len(events) - 1)


def _accepted(function: Function, event: Event) -> None:
    answer = function(event)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"a webhook was not taken: {answer}")
