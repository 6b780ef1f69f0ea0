"""The two handlers people write by hand, at their best: one shared client, no reading of the event to speak of."""

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from stripe import Event, SignatureVerificationError, Webhook

from bench.events import SECRET
from bench.servers import PATH
from bridge.standins.flokit import PRODUCTION_KEY
from bridge.values.times import SECOND_MS, iso


def sends_before_it_answers(flokit_url: str) -> Starlette:
    """`construct_event`, one POST to the Events API, and then the answer."""
    client = _client(flokit_url)

    async def endpoint(request: Request) -> Response:
        event = await _event(request)
        if event is None:
            return Response(status_code=400)
        await _send(client, event)
        return JSONResponse({"received": True})

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])


def sends_after_it_answers(flokit_url: str) -> Starlette:
    """`construct_event`, the answer, and then one POST in a background task."""
    client = _client(flokit_url)

    async def send(event: Event) -> None:
        try:
            await _send(client, event)
        except httpx.HTTPError:
            return  # logged at best: the sender has its 200 and does not come again

    async def endpoint(request: Request) -> Response:
        event = await _event(request)
        if event is None:
            return Response(status_code=400)
        return JSONResponse({"received": True}, background=BackgroundTask(send, event))

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])


def _client(flokit_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=flokit_url, headers={"Authorization": f"Bearer {PRODUCTION_KEY}"})


async def _event(request: Request) -> Event | None:
    body = await request.body()
    try:
        event: Event = Webhook.construct_event(body, request.headers.get("stripe-signature"), SECRET)
    except (ValueError, SignatureVerificationError):
        return None
    return event


async def _send(client: httpx.AsyncClient, event: Event) -> None:
    invoice = event.data.object
    document = {
        "event": "renewal_completed",
        "user_id": "user_0123456789",
        "timestamp": iso(event.created * SECOND_MS),
        "properties": {
            "revenue": invoice["amount_paid"] / 100,
            "currency": "USD",
            "transaction_id": invoice["id"],
            "store": "stripe",
        },
    }
    answer = await client.post("/v1/events", json=document, headers={"Idempotency-Key": invoice["id"]})
    answer.raise_for_status()
