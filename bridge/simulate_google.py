"""Google's stories for a running bridge: they need a Google that answers it, so one is served while they are told."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bridge.errors import SettingsError
from bridge.settings import Settings
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.server import running
from bridge.stories import google
from bridge.stories.google_book import PACKAGE
from bridge.stories.google_keys import signer_in
from bridge.stories.google_stage import ACCOUNT, AUDIENCE, MovingGoogle, know, settings_for
from bridge.values.records import Document
from bridge.values.times import system_clock

STANDIN_URL = "http://127.0.0.1:8788"
QUIET_SECONDS = 0.3  # without a question from the bridge: it has what it wants
PATIENCE_SECONDS = 10.0


class Google:
    """A stand-in Google at the address of GOOGLE_PLAY_URL, until the block of `serving` ends."""

    def __init__(self, standin: GoogleStandin, clock: MovableClock) -> None:
        self._standin = standin
        self._clock = clock

    def moves_to(self, at_ms: int) -> None:
        """Show the store as it is at this moment of the life story (epoch milliseconds)."""
        self._clock.now_ms = max(self._clock.now_ms, at_ms)

    def knows(self, world: Document) -> None:
        """Show what a fixture says of it."""
        know(self._standin.play, world)

    def wait_until_asked(self) -> None:
        """Until the bridge has asked what it wants of the webhook before; it may want nothing."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        seen = -1
        while seen != len(self._standin.requests) and time.monotonic() < give_up_at:
            seen = len(self._standin.requests)
            time.sleep(QUIET_SECONDS)


@contextmanager
def serving(keys: Path, settings: Settings, story_start_ms: int | None) -> Iterator[Google]:
    """Serve Google: of the life story that began then, or of a fixture (None).

    Raises SettingsError, with the settings to start the bridge with, unless this shell has them.
    """
    clock = MovableClock(story_start_ms or system_clock())
    signer = signer_in(keys, system_clock())
    moving = MovingGoogle(signer, google.scenes(story_start_ms) if story_start_ms else (), clock)
    url = _own_url(settings)
    if url is None:
        raise SettingsError(_needed(settings_for(moving.standin, STANDIN_URL, keys)))
    app = moving if story_start_ms else moving.standin.app
    try:
        with running(app, urlsplit(url).port or 0) as served:
            settings_for(moving.standin, served, keys)
            yield Google(moving.standin, clock)
    except OSError as error:
        raise SettingsError([f"GOOGLE_PLAY_URL: cannot serve the stand-in at {url}: {error.strerror}"]) from None


def worlds(found: Document | list[Document]) -> Iterable[Document]:
    """A fixture's `google.json`: one for all its notifications, or one for each."""
    return found if isinstance(found, list) else [found]


def _own_url(settings: Settings) -> str | None:
    """The address to serve at, when the settings are those of a bridge that asks a stand-in on this machine."""
    bridge = settings.google
    if bridge is None or bridge.credentials is None or bridge.push_account != ACCOUNT:
        return None
    url = urlsplit(bridge.play_url)
    return bridge.play_url if url.hostname == "127.0.0.1" and url.port else None


def _needed(standin_settings: dict[str, str]) -> list[str]:
    environment = {
        "GOOGLE_PACKAGES": PACKAGE,
        "GOOGLE_PUSH_AUDIENCE": AUDIENCE,
        "GOOGLE_PUSH_ACCOUNT": ACCOUNT,
        **standin_settings,
    }
    first = "A bridge asks Google what was paid, so it needs the stand-in that this command serves."
    then = "Start the bridge with these settings, and have them here:"
    return [first, then, *(f"export {name}={value}" for name, value in environment.items())]
