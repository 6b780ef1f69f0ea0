"""`bridge serve`: the whole bridge in one process, on a port, until it is told to stop."""

import logging
import signal
import socket

import uvicorn
from starlette.types import ASGIApp

from bridge.connections import BoundedConnection
from bridge.errors import SettingsError
from bridge.log import LineLog, ServerMessages, Write, to_stderr
from bridge.process import MakePipelines, running_bridge
from bridge.receivers import receivers
from bridge.settings import Settings
from bridge.values.times import Clock, system_clock

STOP_SECONDS = 8  # for requests in flight at a stop; those who are cut off were not acknowledged and come again
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common load balancers, which must not meet a closing connection
BACKLOG = 2_048


def serve(  # noqa: PLR0913 - what serving takes, each with a name
    settings: Settings,
    host: str,
    port: int,
    make_pipelines: MakePipelines | None,
    write: Write = to_stderr,
    *,
    clock: Clock = system_clock,
) -> None:
    """Run until SIGTERM or SIGINT, then finish what was taken in. Port 0 takes any free one.

    What is configured goes to standard output for people, the log to `write` for machines. Without `make_pipelines`
    this process only keeps webhooks. Raises SettingsError when the address cannot be listened on, LedgerError when
    the ledger cannot be used.
    """
    log_server_messages(write)
    with _listener(host, port) as listener, running_bridge(settings, make_pipelines, write, clock) as app:
        server = uvicorn.Server(server_config(app))
        _stop_on_signals(server)
        print("\n".join(banner(settings, _url(listener))), flush=True)
        server.run(sockets=[listener])


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn runs the app: the fastest parts there are, bounded connections, none of its own log lines."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def log_server_messages(write: Write) -> None:
    """Let what uvicorn has to say appear as lines of the log."""
    logger = logging.getLogger("uvicorn")
    logger.handlers = [ServerMessages(LineLog(write))]
    logger.propagate = False


def banner(settings: Settings, url: str) -> list[str]:
    """What is configured and what is missing, a line each, for the person who starts the bridge."""
    return [
        f"The bridge listens on {url}",
        *(f"  {receiver.name:8} POST {url}/webhooks/{receiver.name}" for receiver in receivers(settings)),
        *(f"  {source:8} not taken; set {', '.join(names)}" for source, names in settings.missing().items()),
        f"  ledger   {settings.ledger_url}",
        f"  flokit   {_production(settings)}",
        f"  sandbox  {_sandbox(settings)}",
    ]


def _production(settings: Settings) -> str:
    flokit = settings.flokit
    if flokit.api_key:
        return f"sends to {flokit.api_url}, up to {flokit.requests_per_minute} requests a minute"
    return "records and sends nothing; set FLOKIT_API_KEY to send"


def _sandbox(settings: Settings) -> str:
    if settings.flokit.sandbox_api_key:
        return f"sends test events to {settings.flokit.api_url} with the sandbox key"
    return "test events are kept and not sent; set FLOKIT_SANDBOX_API_KEY to send them"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError([f"cannot listen on {host}, port {port}: {error.strerror}; choose another"]) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _stop_on_signals(server: uvicorn.Server) -> None:
    """For a signal that comes before uvicorn listens for signals itself, and for the one that it raises again once it
    has stopped; by then there is nothing left to do."""

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
