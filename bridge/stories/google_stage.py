"""A stand-in Google that shows, at every moment of a clock, what a story says of that moment."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from starlette.types import Receive, Scope, Send

from bridge.standins.google import GoogleStandin
from bridge.standins.google_play import Play
from bridge.standins.server import running
from bridge.stories.google_book import PACKAGE, Scene
from bridge.stories.google_signing import GoogleSigner, wrapped
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import Clock

AUDIENCE = "https://bridge.example.com/webhooks/google"
ACCOUNT = "push@standin-project.iam.gserviceaccount.com"


class MovingGoogle:
    """The stand-in; before each request it moves to where the story is by now."""

    def __init__(self, signer: GoogleSigner, scenes: Sequence[Scene], clock: Clock) -> None:
        self.standin = GoogleStandin(signer, clock)
        self._scenes = scenes
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._move()
            await self.standin.app(scope, receive, send)

    def _move(self) -> None:
        now_ms, play = self._clock(), self.standin.play
        scene = next((scene for scene in reversed(self._scenes) if scene.at_ms <= now_ms), None)
        play.subscriptions = dict(scene.subscriptions) if scene else {}
        play.one_time_purchases = dict(scene.one_time_purchases) if scene else {}
        play.orders = dict(scene.orders) if scene else {}


@contextmanager
def moving_google(
    signer: GoogleSigner, scenes: Sequence[Scene], clock: Clock, folder: Path
) -> Iterator[Mapping[str, str]]:
    """Serve it until the block ends. Gives the settings of a bridge that asks it; their key file is in the folder."""
    google = MovingGoogle(signer, scenes, clock)
    with running(google) as url:
        yield settings_for(google.standin, url, folder)


def settings_for(standin: GoogleStandin, url: str, folder: Path) -> dict[str, str]:
    """The settings of a bridge that asks the stand-in at a URL; writes the key file that they name."""
    file = folder / "google-service-account.json"
    file.touch(mode=0o600)
    file.write_bytes(jsontext.dumps(standin.service_account(url)))
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": str(file.resolve()),
        "GOOGLE_CERTS_URL": f"{url}/oauth2/v1/certs",
        "GOOGLE_PLAY_URL": url,
    }


def know(play: Play, world: Document) -> None:
    """Put what a fixture says of Google's answers into the stand-in."""
    for token, purchase in world.get("subscriptions", {}).items():
        play.subscriptions[PACKAGE, token] = purchase
    for token, purchase in world.get("products", {}).items():
        play.one_time_purchases[PACKAGE, token] = purchase
    for order in world.get("orders", []):
        play.put_order(PACKAGE, order)
    play.expired_tokens |= {(PACKAGE, token) for token in world.get("gone", [])}


def seal(signer: GoogleSigner, body: bytes, now_ms: int) -> tuple[Mapping[str, str], bytes]:
    """A push of a notification; the same notification has the same message id."""
    message_id = str(int(sha256(body).hexdigest()[:12], 16))
    push = wrapped(body, signer.push_token(AUDIENCE, ACCOUNT, now_ms), message_id, now_ms)
    return push.headers, push.body
