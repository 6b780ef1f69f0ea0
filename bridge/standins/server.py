"""Runs an ASGI app on a real port of 127.0.0.1, in a thread of this process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

STOP_WITHIN_S = 1  # a request that hangs on purpose must not hold up the end


@contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve `app` on a port, 0 for any free one, until the block ends. Gives its URL: `http://127.0.0.1:49152`.

    Raises RuntimeError when the app does not start, OSError when the port is taken.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = uvicorn.Server(_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="stand-in", daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _config(app: ASGIApp) -> uvicorn.Config:
    # log_config None leaves the logging of the process that hosts the stand-in as it is.
    return uvicorn.Config(
        app, log_config=None, access_log=False, timeout_keep_alive=30, timeout_graceful_shutdown=STOP_WITHIN_S
    )


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the app did not start")
        time.sleep(0.002)
