"""A stand-in for what is around a function on AWS Lambda: the Runtime API, for a real process of AWS's own runtime.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from bridge.values.times import system_clock

PATIENCE_S = 20.0
TIMEOUT_MS = 60_000
ARN = "arn:aws:lambda:us-east-1:123456789012:function:webhook-bridge"


class FunctionFailed(Exception):
    """The function ended in an error, or gave no sign of life; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What comes from the function: the end of a path of the Runtime API, and a body."""

    end: str
    body: bytes


class Function:
    """A running function, which waits for its next event. `pid` is its process."""

    def __init__(self, pid: int, runtime: "_Runtime") -> None:
        self.pid = pid
        self._runtime = runtime

    def __call__(self, event: Mapping[str, Any]) -> Any:
        """Hand it an event, and give its answer when it waits for the next one. Raises FunctionFailed."""
        self._runtime.events.put(json.dumps(event).encode())
        answer = self._runtime.sign("response")
        self._runtime.sign("next")
        return json.loads(answer)


class _Runtime:
    """The queues between the server and whoever invokes the function. One event is on its way at a time."""

    def __init__(self) -> None:
        self.events: SimpleQueue[bytes | None] = SimpleQueue()
        self.signs: SimpleQueue[Sign] = SimpleQueue()

    def sign(self, end: str) -> bytes:
        """Wait for this sign of the function."""
        try:
            found = self.signs.get(timeout=PATIENCE_S)
        except Empty:
            raise FunctionFailed("The function gives no sign of life.") from None
        if found.end != end:
            raise FunctionFailed(found.body.decode(errors="replace"))
        return found.body


@contextmanager
def running_function(
    command: Sequence[str], task: Path, handler: str, environment: Mapping[str, str]
) -> Iterator[Function]:
    """Run a function until the block ends; it has been initialised when the block begins.

    `command` starts AWS's runtime, `task` is the unpacked zip, `handler` such as `package.module.function`. The process
    gets `environment` and what Lambda itself sets, and nothing else. Raises FunctionFailed.
    """
    runtime = _Runtime()
    with _serving(runtime) as address:
        own = {"AWS_LAMBDA_RUNTIME_API": address, "_HANDLER": handler, "LAMBDA_TASK_ROOT": str(task)}
        process = subprocess.Popen([*command, handler], cwd=task, env={**own, **environment})
        try:
            runtime.sign("next")
            yield Function(process.pid, runtime)
        finally:
            process.kill()
            process.wait()


@contextmanager
def _serving(runtime: _Runtime) -> Iterator[str]:
    class Handler(_RuntimeApi):
        between = runtime

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            runtime.events.put(None)  # whoever still waits for an event
            server.shutdown()


class _RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the rest of a large event would wait until its beginning is acknowledged
    wbufsize = -1
    between: _Runtime

    def do_GET(self) -> None:
        """`next`: waits for an event."""
        self.between.signs.put(Sign("next", b""))
        event = self.between.events.get()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "Lambda-Runtime-Deadline-Ms": str(system_clock() + TIMEOUT_MS),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        """`response` or `error`: takes what the function says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.between.signs.put(Sign(self.path.rpartition("/")[2], body))
        self._answer(202, b'{"status": "OK"}', {})

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - named so where it is from
        """Nothing."""

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
