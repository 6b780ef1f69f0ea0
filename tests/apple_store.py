"""A stand-in for the App Store Server API, and a subscriber whose history it knows."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from golden import NOW_MS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from test_apple_facts_golden import SIGNER

from bridge.sources.apple.api import AppleApi
from bridge.stories.apple_subscriber import Plan, Subscriber
from bridge.values.records import Document
from bridge.values.times import DAY_MS

BEGINNING_MS = NOW_MS - 100 * DAY_MS
WHO = Subscriber(2_000_000_900_000_001, "7e3fb204-2cd5-4e1c-8b5f-6a1f0c1d2e3f", BEGINNING_MS)
PRO = Plan("com.example.app.pro.monthly", 9_990)
TEAM = Plan("com.example.app.team.monthly", 29_990)
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class AppStore:
    """Answers the transaction history, two transactions on a page; `status` other than 200 is what it answers then."""

    history: list[Any] = field(default_factory=list)
    status: int = 200
    raw: bytes | None = None
    asked: list[Request] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/inApps/v2/history/{id}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        if self.raw is not None or self.status != 200:
            return Response(b'{"errorCode": 4010000}' if self.raw is None else self.raw, self.status)
        start = int(request.query_params.get("revision", 0))
        page = [one if isinstance(one, str) else SIGNER.sign(one) for one in self.history[start : start + 2]]
        more = start + 2 < len(self.history)
        return JSONResponse({"signedTransactions": page, "hasMore": more, "revision": str(start + 2)})


def api_at(url: str) -> AppleApi:
    """The API with a test key, on a stand-in."""
    urls = {"production": url, "sandbox": url}
    return AppleApi("issuer-1", "KEY1", PEM, urls=urls, clock=lambda: NOW_MS, timeouts=httpx.Timeout(5))


def signed(transaction: Document) -> Document:
    """A transaction with what is the same in all of them."""
    return {**transaction, "environment": "Production", "signedDate": NOW_MS}
