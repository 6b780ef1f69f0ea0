"""What the tests of Google's halves share: a stand-in Google, and the bridge's app in front of a real ledger, both
served over HTTP on one clock that stands still."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridge.http import create_app
from bridge.keeper import Keeper
from bridge.ledger.sqlite import SqliteLedger
from bridge.sources.google.certificates import CertificateCache
from bridge.sources.google.receive import GoogleReceiver
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.server import running
from bridge.stories.google_signing import GoogleSigner, Push, wrapped
from bridge.values import jsontext
from bridge.values.records import Document, Notification
from bridge.values.times import MINUTE_MS

PACKAGE = "com.example.app"
AUDIENCE = "https://bridge.example.com/webhooks/google"
ACCOUNT = "push@standin-project.iam.gserviceaccount.com"
NOW_MS = time.time_ns() // 1_000_000  # google-auth, which the tests compare with, looks at the machine's clock
RENEWED: Document = {
    "version": "1.0",
    "packageName": PACKAGE,
    "eventTimeMillis": str(NOW_MS - MINUTE_MS),
    "subscriptionNotification": {"version": "1.0", "notificationType": 2, "purchaseToken": "token-1"},
}


@cache
def signer() -> GoogleSigner:
    """The key that the stand-in's certificates are about."""
    return GoogleSigner.generate(NOW_MS)


@cache
def stranger() -> GoogleSigner:
    """Another key."""
    return GoogleSigner.generate(NOW_MS)


def token(now_ms: int = NOW_MS, by: GoogleSigner | None = None, **changes: Any) -> str:
    """A push token as Google would make it; `changes` replace claims."""
    return (by or signer()).push_token(AUDIENCE, ACCOUNT, now_ms, **changes)


def push(document: Document = RENEWED, message_id: str = "1", bearer: str = "") -> Push:
    """A wrapped push of a notification."""
    return wrapped(jsontext.dumps(document), bearer or token(), message_id, NOW_MS)


def receiver(url: str) -> GoogleReceiver:
    """A receiver that fetches certificates from a stand-in."""
    return GoogleReceiver([PACKAGE], AUDIENCE, ACCOUNT, CertificateCache(f"{url}/oauth2/v1/certs"))


class Stage:
    """One running server for many tests: each puts its own stand-in on it."""

    def __init__(self) -> None:
        self.url = ""
        self.standin = GoogleStandin(signer())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.standin.app(scope, receive, send)


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage, served until the block ends."""
    stage = Stage()
    with running(stage) as stage.url:
        yield stage


class Rig:
    """The app with a client in front of it, and the stand-in Google behind it."""

    def __init__(self, stage: Stage, ledger: SqliteLedger) -> None:
        self.clock = MovableClock(NOW_MS)
        self.standin = stage.standin = GoogleStandin(signer(), self.clock)
        self.ledger = ledger
        self.lines: list[str] = []
        self.receiver = receiver(stage.url)
        self.http = httpx.Client(timeout=10)

    def post(self, one: Push) -> httpx.Response:
        """Post a push to the bridge."""
        return self.http.post("/webhooks/google", content=one.body, headers=dict(one.headers))

    def post_with(self, authorization: str | None) -> httpx.Response:
        """Post a good body with this Authorization header, or without one."""
        headers = {} if authorization is None else {"Authorization": authorization}
        return self.http.post("/webhooks/google", content=push().body, headers=headers)

    def renewed(self) -> int:
        """Post a new genuine push, with a token of now. Gives the status."""
        return self.post(push(message_id=f"m{self.ledger_size() + 1}", bearer=token(self.clock()))).status_code

    def kept(self) -> list[Notification]:
        """All that the ledger keeps."""
        return [pending.notification for pending in self.ledger.pending("google", self.clock() + MINUTE_MS, 10_000)]

    def ledger_size(self) -> int:
        """How many notifications the ledger keeps."""
        return len(self.kept())

    @property
    def fetches(self) -> int:
        """How often the certificates were asked for."""
        return self.standin.count("certs")

    def app(self) -> Starlette:
        """The bridge's app."""
        keeper = Keeper(self.ledger, self._note)

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            yield
            await keeper.close()

        return create_app([self.receiver], keeper, log=self._note, clock=self.clock, lifespan=lifespan)

    def _note(self, event: str, /, **fields: object) -> None:
        self.lines.append(f"{event} {fields}")


@contextmanager
def rig(stage: Stage, folder: Path) -> Iterator[Rig]:
    """A rig on a ledger of its own, served until the block ends."""
    ledger = SqliteLedger.open(folder / "bridge.sqlite")
    rig = Rig(stage, ledger)
    with running(rig.app()) as url, rig.http:
        rig.http.base_url = httpx.URL(url)
        yield rig
    ledger.close()


class Held:
    """A trouble: the answer waits until it is let go, and is then the documented one of `answer`."""

    stores = False

    def __init__(self, answer: Callable[[], Mapping[str, str]]) -> None:
        self._answer = answer
        self.let_go = threading.Event()

    def response(self) -> Response:
        """What is sent, in time."""
        return _HeldResponse(self.let_go, jsontext.dumps(dict(self._answer())))


class _HeldResponse(Response):
    def __init__(self, let_go: threading.Event, body: bytes) -> None:
        super().__init__(body, media_type="application/json")
        self._let_go = let_go

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.to_thread(self._let_go.wait, 5)
        await super().__call__(scope, receive, send)
