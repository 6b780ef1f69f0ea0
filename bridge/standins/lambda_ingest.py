"""The function that takes the webhooks of one source in, from the unpacked zip, in AWS's own runtime, with all that it
asks for at hand: a queue, and for Google its certificates.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.settings import Settings
from bridge.standins.lambda_runtime import Function, running_function
from bridge.standins.queue import PATH, QueueStandin
from bridge.standins.server import running
from bridge.stories.tellers import TELLERS, Teller
from bridge.values.times import system_clock

RUNTIME = Path(__file__).resolve().parents[2] / ".build" / "runtime" / "bin" / "python"
"""Where `make` puts an interpreter of the functions' version that has AWS's runtime and nothing else."""

RUNTIME_COMMAND = (str(RUNTIME), "-m", "awslambdaric")

HANDLER = "bridge.aws.ingest_function.handler"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Such a function. `webhook(place)` is one of the source's story, sealed anew as the source does it, as the HTTP
    API hands it over. `settings` are those of the source."""

    function: Function
    queue: QueueStandin
    settings: Mapping[str, str]
    webhook: Callable[[int], Event]


@contextmanager
def running_ingest(source: str, task: Path, folder: Path, **environment: str) -> Iterator[Ingest]:
    """Run it until the block ends. `task` is the unpacked zip; the test keys are in `folder`. Raises FunctionFailed."""
    now_ms = system_clock()
    teller = TELLERS[source](folder, Settings(), now_ms)
    queue = QueueStandin()
    with ExitStack() as stack:
        url = stack.enter_context(running(queue.app))
        stage = stack.enter_context(teller.stage(now_ms, system_clock)) if teller.stage else {}
        settings = {**teller.environment, **stage}
        known = {**_aws(url), "SOURCE": source, **settings, **environment}
        function = stack.enter_context(running_function(RUNTIME_COMMAND, task, HANDLER, known))
        yield Ingest(function, queue, settings, lambda place: webhook_event(*_sealed(teller, place)))


def webhook_event(headers: Mapping[str, str], body: bytes) -> Event:
    """A webhook in the HTTP API's payload format 2.0, whose body is in base64 as any body may be."""
    return {
        "version": "2.0",
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _sealed(teller: Teller, place: int) -> tuple[Mapping[str, str], bytes]:
    now_ms = system_clock()
    return teller.seal(teller.life(now_ms).deliveries[place].body, now_ms)


def _aws(url: str) -> Mapping[str, str]:
    return {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": url,
        "QUEUE_URL": url + PATH,
        "OVERSIZE_BUCKET": "oversize",
    }
