"""The life stories of the sources, told of as many customers as are wanted: one story, other names."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from uuid import NAMESPACE_URL, uuid5

from bridge.standins.workspace import Totals
from bridge.stories import apple, google, stripe
from bridge.stories.google_book import Scene
from bridge.values import jsontext
from bridge.values.records import Document

MOST_LIVES = 10_000  # names have room for so many
Rename = Callable[[str], str]
"""Puts another customer's names in the place of those in a text."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One thing that a source tells, not sealed yet; `ident` is the source's own id for it, `at_ms` when it is made."""

    source: str
    ident: str
    at_ms: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Life:
    """What one customer goes through, in the order in which it is told, repeats included.

    `rename` puts this customer's names in the place of the story's own, in which `shown` is written: what Google shows
    in the course of it.
    """

    source: str
    webhooks: Sequence[Webhook]
    rename: Rename = field(repr=False)
    shown: Sequence[Scene] = field(default=(), repr=False)

    @property
    def distinct(self) -> list[Webhook]:
        """Each webhook once, in the order of telling."""
        return list(dict.fromkeys(self.webhooks))

    def scenes(self, *, over: bool) -> list[Scene]:
        """What Google shows of this customer, in the course of the life; or at its end alone."""
        return [_renamed(scene, self.rename) for scene in (self.shown[-1:] if over else self.shown)]


def story_life(source: str, number: int | None, start_ms: int) -> Life:
    """The source's own story, of customer `number`; None tells it with the story's own names."""
    rename = as_told if number is None else numbered(source, number)
    bodies, scenes = _story(source, start_ms)
    return Life(source, [webhook(source, rename(body)) for body in bodies], rename, scenes)


def money(source: str, start_ms: int) -> Mapping[str, Totals]:
    """What the story itself says of its money, by currency."""
    return _STORIES[source](start_ms).totals


_STORIES = {"stripe": stripe.life, "apple": apple.life, "google": google.life}


@cache
def _story(source: str, start_ms: int) -> tuple[Sequence[str], Sequence[Scene]]:
    deliveries = _STORIES[source](start_ms).deliveries
    bodies = [delivery.body.decode() for delivery in deliveries for _ in range(delivery.repeats)]
    return bodies, google.scenes(start_ms) if source == "google" else ()


def webhook(source: str, text: str) -> Webhook:
    """A webhook of a readable body."""
    document = jsontext.loads(text.encode())
    if source == "stripe":
        return Webhook(source, document["id"], document["created"] * 1_000, text.encode())
    if source == "apple":
        document["notificationUUID"] = ident = str(uuid5(NAMESPACE_URL, text))
        return Webhook(source, ident, document["signedDate"], jsontext.dumps(document))
    # As bridge.stories.google_stage names messages.
    ident = str(int(sha256(text.encode()).hexdigest()[:12], 16))
    return Webhook(source, ident, int(document["eventTimeMillis"]), text.encode())


def as_told(text: str) -> str:
    """No other names."""
    return text


def numbered(source: str, number: int) -> Rename:
    """The names of customer `number` in the place of the story's own."""
    assert 0 <= number < MOST_LIVES
    changes = _NAMES[source]

    def rename(text: str) -> str:
        for pattern, new in changes:
            text = pattern.sub(new.format(n=number), text)
        return text

    return rename


_NAMES = {
    "stripe": [
        (re.compile(r"(?<=_)1P(?=[a-z])"), "1P{n:04}"),
        (re.compile(r"\buser_(?=\d)"), "user_{n}_"),
    ],
    "apple": [
        (re.compile(r"\b(70)?20000007(?=\d{8}\b)"), r"\g<1>2{n:07}"),
        (re.compile(r"(?<=-)8a44(?=-)"), "{n:04}"),
    ],
    "google": [
        (re.compile(r"\btoken-(?=[a-z])"), "token-{n}-"),
        (re.compile(r"(?<=GPA\.33\d\d-)0000"), "{n:04}"),
        (re.compile(r"\buser_(?=\d)"), "user_{n}_"),
    ],
}
"""What stands in the stories for one customer, and what takes its place."""


def _renamed(scene: Scene, rename: Rename) -> Scene:
    return Scene(
        scene.at_ms,
        _renamed_documents(scene.subscriptions, rename),
        _renamed_documents(scene.one_time_purchases, rename),
        _renamed_documents(scene.orders, rename),
    )


def _renamed_documents(
    documents: Mapping[tuple[str, str], Document], rename: Rename
) -> dict[tuple[str, str], Document]:
    return {
        (package, rename(name)): jsontext.loads(rename(jsontext.dumps(document).decode()).encode())
        for (package, name), document in documents.items()
    }
