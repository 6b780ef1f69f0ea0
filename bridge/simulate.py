"""Correctly signed webhooks to a bridge that runs: a fixture, or a whole life story."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from bridge import simulate_google
from bridge.errors import BridgeError, SettingsError
from bridge.mapping.vocabulary import did_you_mean
from bridge.settings import Settings
from bridge.shipped import folder
from bridge.simulate_google import Google
from bridge.stories.tellers import TELLERS, Teller
from bridge.values import jsontext
from bridge.values.times import DAY_MS, system_clock

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


def send(source: str, case: str, keys: Path, settings: Settings, url: str) -> Iterator[Sent]:
    """Send a case, webhook by webhook, sealed with test keys in the folder `keys`.

    Raises SettingsError for an unknown case, a bad URL or settings that lack something, Unreachable.
    """
    if case not in (known := cases(source)):
        raise SettingsError([f"{case}: there is no such case{did_you_mean(case, known)}; --list shows all"])
    target = _target(url, source)
    start_ms = system_clock() - LIFE_BEGAN_DAYS_AGO * DAY_MS
    with ExitStack() as stack:
        stage = (
            stack.enter_context(simulate_google.serving(keys, settings, start_ms if case == LIFE else None))
            if source == "google"
            else None
        )
        teller = TELLERS[source](keys, settings, system_clock())
        http = stack.enter_context(httpx.Client(timeout=TIMEOUT_SECONDS))
        told = _life(teller, start_ms, stage) if case == LIFE else _fixture(source, case, stage)
        for kind, sentence, body in told:
            yield _post(http, target, teller, body, kind, sentence)
            if stage:
                stage.wait_until_asked()


def _post(  # noqa: PLR0913, PLR0917 - what one webhook consists of
    http: httpx.Client, target: str, teller: Teller, body: bytes, kind: str, sentence: str
) -> Sent:
    headers, sealed = teller.seal(body, system_clock())
    try:
        response = http.post(target, content=sealed, headers=dict(headers))
    except httpx.TransportError as error:
        raise Unreachable(f"{target}: no answer ({type(error).__name__}); does the bridge run there?") from None
    return Sent(kind, sentence, response.status_code, response.text[:500])


def _life(teller: Teller, start_ms: int, stage: Google | None) -> Iterator[tuple[str, str, bytes]]:
    for delivery in teller.life(start_ms).deliveries:
        if stage:
            stage.moves_to(delivery.at_ms)
        for _ in range(delivery.repeats):
            yield delivery.type, delivery.sentence, delivery.body


def _fixture(source: str, case: str, stage: Google | None) -> Iterator[tuple[str, str, bytes]]:
    place = folder("fixtures") / source / case
    found = jsontext.loads((place / "input.json").read_bytes())
    answers = place / "google.json"
    worlds = list(simulate_google.worlds(jsontext.loads(answers.read_bytes()))) if answers.exists() else []
    for index, document in enumerate(found if isinstance(found, list) else [found]):
        if stage and index < len(worlds):
            stage.knows(worlds[index])
        yield str(document.get("type") or document.get("notificationType") or case), "", jsontext.dumps(document)


def _target(url: str, source: str) -> str:
    """`http://127.0.0.1:8787` means the source's path on it; a path that is given stays as it is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingsError([f"{url}: expected a URL such as http://127.0.0.1:8787"])
    path = parts.path if parts.path.strip("/") else f"/webhooks/{source}"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
