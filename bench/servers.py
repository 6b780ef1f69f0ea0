"""The servers that are measured, each a process of its own: `python -m bench.servers NAME ARGUMENTS…`.

Each prints its port and serves until it is terminated. Its log goes to standard error, as that of the bridge does.
"""

import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

PATH = "/webhooks/stripe"


def floor() -> None:
    """A bare Starlette endpoint that reads the body and answers 200."""

    async def endpoint(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("ok")

    _run(_plain_config(Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])))


def accept(ledger_url: str) -> None:
    """The accept path of `bridge serve`: prove, keep, answer."""
    _bridge({"BRIDGE_LEDGER": ledger_url}, works=False)


def whole(ledger_url: str, flokit_url: str = "") -> None:
    """All of `bridge serve`: accept, map and, with a URL, deliver."""
    from bridge.standins.flokit import PRODUCTION_KEY

    delivery = {"FLOKIT_API_URL": flokit_url, "FLOKIT_API_KEY": PRODUCTION_KEY} if flokit_url else {}
    _bridge({"BRIDGE_LEDGER": ledger_url, **delivery}, works=True)


def before(flokit_url: str) -> None:
    """The handler people write by hand, which sends before it answers."""
    from bench.handlers import sends_before_it_answers

    _run(_plain_config(sends_before_it_answers(flokit_url)))


def after(flokit_url: str) -> None:
    """The same, which sends after it has answered."""
    from bench.handlers import sends_after_it_answers

    _run(_plain_config(sends_after_it_answers(flokit_url)))


def destination() -> None:
    """The stand-in FloKit, without its limit of requests."""
    from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
    from bridge.standins.workspace import Workspace

    workspaces = [Workspace("production", PRODUCTION_KEY, requests_per_minute=10**9)]
    _run(_plain_config(FlokitStandin(workspaces=workspaces).app))


def sink() -> None:
    """The Events API for batches and single events, as far as a sender sees it: it counts and keeps nothing."""
    import orjson

    async def single(request: Request) -> Response:
        await request.body()
        return Response(b'{"status":"ok","event_id":"evt_1"}', media_type="application/json")

    async def batch(request: Request) -> Response:
        count = len(orjson.loads(await request.body())["events"])
        ids = [f"evt_1Nexample{place:08}" for place in range(count)]
        answer = {"status": "ok", "accepted": count, "rejected": 0, "event_ids": ids, "errors": []}
        return Response(orjson.dumps(answer), media_type="application/json")

    routes = [Route("/v1/events", single, methods=["POST"]), Route("/v1/batch/events", batch, methods=["POST"])]
    _run(_plain_config(Starlette(routes=routes)))


def _bridge(env: dict[str, str], *, works: bool) -> None:
    from bench.events import SECRET
    from bridge.log import to_stderr
    from bridge.process import running_bridge
    from bridge.serve import server_config
    from bridge.settings import read_settings

    settings = read_settings({"STRIPE_WEBHOOK_SECRETS": SECRET, **env})
    make_pipelines = None
    if works:
        from bridge.interpreters import pipelines

        make_pipelines = pipelines(settings)
    with running_bridge(settings, make_pipelines, to_stderr) as app:
        _run(server_config(app))


def _plain_config(app: ASGIApp) -> uvicorn.Config:
    """uvicorn with its fastest parts and without its access log, as the bridge runs it."""
    return uvicorn.Config(
        app, http="httptools", ws="none", log_config=None, access_log=False, server_header=False, proxy_headers=False
    )


def _run(config: uvicorn.Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listener])


SERVERS = {server.__name__: server for server in (floor, accept, whole, before, after, destination, sink)}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](*sys.argv[2:])
