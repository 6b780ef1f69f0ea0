"""Correctly signed webhooks to a bridge that runs: a fixture, or a whole life story."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx

from bridge.errors import BridgeError, SettingsError
from bridge.mapping.vocabulary import did_you_mean
from bridge.shipped import folder
from bridge.stories.tellers import Teller
from bridge.values import jsontext
from bridge.values.times import DAY_MS, Clock

LIFE = "life"
LIFE_BEGAN_DAYS_AGO = 150  # the stories take less, so they have ended by now
TIMEOUT_SECONDS = 30.0


class Unreachable(BridgeError):
    """Nobody answers at the URL."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One webhook that was sent, what it means where a story says so, and the answer."""

    type: str
    sentence: str
    status: int
    answer: str


def cases(source: str) -> list[str]:
    """What can be sent: the life story, and each fixture."""
    return [LIFE, *sorted(file.parent.name for file in (folder("fixtures") / source).glob("*/input.json"))]


def send(source: str, case: str, teller: Teller, url: str, clock: Clock) -> Iterator[Sent]:
    """Send a case, webhook by webhook. Raises SettingsError for an unknown case or a bad URL, Unreachable."""
    if case not in (known := cases(source)):
        raise SettingsError([f"{case}: there is no such case{did_you_mean(case, known)}; --list shows all"])
    target = _target(url, source)
    with httpx.Client(timeout=TIMEOUT_SECONDS) as http:
        for kind, sentence, body in _bodies(source, case, teller, clock()):
            headers, sealed = teller.seal(body, clock())
            try:
                response = http.post(target, content=sealed, headers=dict(headers))
            except httpx.TransportError as error:
                raise Unreachable(f"{target}: no answer ({type(error).__name__}); does the bridge run there?") from None
            yield Sent(kind, sentence, response.status_code, response.text[:500])


def _bodies(source: str, case: str, teller: Teller, now_ms: int) -> Iterable[tuple[str, str, bytes]]:
    if case == LIFE:
        for delivery in teller.life(now_ms - LIFE_BEGAN_DAYS_AGO * DAY_MS).deliveries:
            for _ in range(delivery.repeats):
                yield delivery.type, delivery.sentence, delivery.body
        return
    found = jsontext.loads((folder("fixtures") / source / case / "input.json").read_bytes())
    for document in found if isinstance(found, list) else [found]:
        yield str(document.get("type", case)), "", jsontext.dumps(document)


def _target(url: str, source: str) -> str:
    """`http://127.0.0.1:8787` means the source's path on it; a path that is given stays as it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError([f"{url}: expected a URL such as http://127.0.0.1:8787"])
    path = parts.path if parts.path.strip("/") else f"/webhooks/{source}"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
