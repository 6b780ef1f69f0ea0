"""The three sources in one: they seal webhooks as the real ones do, and Google answers what the bridge asks."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.settings import Settings
from bridge.standins.google_play import Key
from bridge.standins.server import running
from bridge.stories.google_book import Scene
from bridge.stories.google_keys import signer_in
from bridge.stories.google_stage import MovingGoogle, settings_for
from bridge.stories.tellers import TELLERS, Sealed, Teller
from bridge.values.records import Document
from bridge.values.times import Clock, system_clock

from .lives import Life, Webhook

SOURCES = tuple(TELLERS)


@dataclass
class Stores:
    """`environment` are the settings of a bridge that trusts them."""

    tellers: Mapping[str, Teller]
    environment: Mapping[str, str]

    def seal(self, webhook: Webhook, now_ms: int) -> Sealed:
        """The webhook as it is sent at that moment."""
        return self.tellers[webhook.source].seal(webhook.body, now_ms)


@contextmanager
def open_stores(
    folder: Path, lives: Iterable[Life], clock: Clock = system_clock, *, over: bool = False
) -> Iterator[Stores]:
    """Keys, valid around now by the clock, and a Google that serves these lives until the block ends.

    `over`: Google shows the end of each life from the beginning on, so that no answer depends on when the bridge asks.
    """
    now_ms = clock()
    tellers = {source: make(folder, Settings(), now_ms) for source, make in TELLERS.items()}
    scenes = _at_the_end(lives) if over else _together(lives)
    google = MovingGoogle(signer_in(folder, now_ms), scenes, clock)
    with running(google) as url:
        environment = settings_for(google.standin, url, folder)
        for teller in tellers.values():
            environment |= teller.environment
        yield Stores(tellers, environment)


class _World:
    """All that Google shows, grown scene by scene."""

    def __init__(self) -> None:
        self._subscriptions: dict[Key, Document] = {}
        self._one_time_purchases: dict[Key, Document] = {}
        self._orders: dict[Key, Document] = {}

    def add(self, scene: Scene) -> None:
        """From now on it also shows this."""
        self._subscriptions |= scene.subscriptions
        self._one_time_purchases |= scene.one_time_purchases
        self._orders |= scene.orders

    def at(self, at_ms: int) -> Scene:
        """As it stands, for a moment."""
        return Scene(at_ms, dict(self._subscriptions), dict(self._one_time_purchases), dict(self._orders))


def _together(lives: Iterable[Life]) -> list[Scene]:
    """The lives' scenes in order of time, each with all that is there by then."""
    world, found = _World(), dict[int, Scene]()
    for scene in sorted((scene for life in lives for scene in life.scenes(over=False)), key=lambda scene: scene.at_ms):
        world.add(scene)
        found[scene.at_ms] = world.at(scene.at_ms)
    return list(found.values())


def _at_the_end(lives: Iterable[Life]) -> list[Scene]:
    world = _World()
    for life in lives:
        for scene in life.scenes(over=True):
            world.add(scene)
    return [world.at(0)]
