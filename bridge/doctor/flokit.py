"""FloKit: is the key known, does FloKit get the same money a second way, and, only when asked, does an event arrive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx

from bridge.delivery.answers import Response
from bridge.delivery.flokit import FlokitClient
from bridge.delivery.verdicts import Taken, TryAgain
from bridge.doctor.checks import Check, State, unanswered
from bridge.environment import Secret
from bridge.errors import NotAllowed, NotYet, OutOfReach
from bridge.settings import FloKitSettings
from bridge.values import jsontext
from bridge.values.records import Document, Ready
from bridge.values.times import Clock, iso

TIMEOUTS = httpx.Timeout(10, connect=5)
TEST_EVENT = "bridge_test_event"
NEW_KEY = "Make a read-write key in FloKit, in the workspace that the events are for, and set {setting} to it."

NATIVE: dict[str, tuple[str, ...]] = {
    "stripe": ("stripe",),
    "app_store_connect": ("apple",),
    "google_play": ("google",),
    "revenuecat": ("stripe", "apple", "google"),
    "adapty": ("stripe", "apple", "google"),
}
"""FloKit's own integrations that bring money (https://docs.flokitai.com/api-reference/integrations), and whose."""


@dataclass(frozen=True, slots=True)
class Key:
    """One of the two keys, by its setting. `sources` are those whose money goes to its workspace."""

    setting: str
    secret: Secret | None
    sources: Sequence[str] = ()


def checks(flokit: FloKitSettings, key: Key, clock: Clock, *, send_test_event: bool) -> Iterable[Check]:
    """Try one key: read the workspace's integrations; with `send_test_event` also send an event without money."""
    if key.secret is None:
        yield _no_key(key.setting)
        return
    try:
        client = FlokitClient(flokit.api_url, key.secret.reveal(), clock=clock, timeouts=TIMEOUTS)
    except (ValueError, httpx.InvalidURL):
        yield Check(key.setting, State.WRONG, "no header or no URL can be made of it", "Look at it and FLOKIT_API_URL.")
        return
    try:
        yield from _read(client, key)
        if send_test_event:
            yield _sent(client, key, clock())
    finally:
        client.close()


def _no_key(setting: str) -> Check:
    if setting == "FLOKIT_API_KEY":
        return Check(setting, State.MISSING, "not set: events are kept and not sent", NEW_KEY.format(setting=setting))
    return Check(setting, State.SKIPPED, "not set: test events are kept and not sent, which most people want")


def _read(client: FlokitClient, key: Key) -> Iterable[Check]:
    try:
        integrations = _integrations(client)
    except NotYet as error:
        yield unanswered(key.setting, error, NEW_KEY.format(setting=key.setting))
        return
    yield Check(
        key.setting, State.OK, "FloKit knows it (that it may also send is shown by an event, or --send-test-event)"
    )
    if key.sources:
        yield from _counted_twice(integrations, key.sources)


def _integrations(client: FlokitClient) -> list[Document]:
    try:
        response = client.integrations()
    except httpx.TransportError as error:
        raise OutOfReach(f"FloKit ({type(error).__name__})") from None
    _check_status(response.status)
    return _rows(response)


def _check_status(status: int) -> None:
    """https://docs.flokitai.com/api-reference/authentication"""
    if status == 401:
        raise NotAllowed("FloKit does not know this key (401)")
    if status == 403:
        raise NotAllowed("FloKit does not let this key read the workspace's integrations (403)")
    if 300 <= status < 500 and status not in {408, 425, 429}:
        raise NotAllowed(f"this is not the address of FloKit's API: check FLOKIT_API_URL ({status})")
    if status != 200:
        raise NotYet(f"FloKit to answer again ({status})")


def _rows(response: Response) -> list[Document]:
    try:
        document = jsontext.loads(response.body)
    except ValueError:
        document = None
    rows = document.get("integrations") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise NotAllowed("this is not FloKit's answer: check FLOKIT_API_URL (200)")
    return [row for row in rows if isinstance(row, dict)]


def _counted_twice(integrations: Sequence[Document], sources: Sequence[str]) -> Iterable[Check]:
    name = "FloKit integrations"
    live = {str(row.get("type")) for row in integrations if row.get("status") != "disconnected"}
    doubled = {kind: both for kind in sorted(live & set(NATIVE)) if (both := [s for s in NATIVE[kind] if s in sources])}
    for kind, both in doubled.items():
        yield Check(
            name,
            State.WRONG,
            f"FloKit's own integration {kind} may bring the money of {', '.join(both)} a second time",
            f"Disconnect {kind} in FloKit (Data, Sources), or take {', '.join(both)} out of the bridge's settings.",
        )
    if not doubled:
        yield Check(name, State.OK, "none brings the same money a second time")


def _sent(client: FlokitClient, key: Key, now_ms: int) -> Check:
    name = f"test event ({key.setting})"
    answer = client.send(Ready(0, f"bridge-doctor:{now_ms}", now_ms, jsontext.dumps(_test_event(now_ms))))
    verdict = answer[0] if isinstance(answer, list) else answer
    if isinstance(verdict, Taken):
        return Check(name, State.OK, f"FloKit took {TEST_EVENT}: see Data, Events")
    if isinstance(verdict, TryAgain):
        if verdict.status:
            return unanswered(name, NotYet(f"FloKit to answer again ({verdict.status}: {verdict.reason})"))
        return unanswered(name, OutOfReach(f"FloKit: {verdict.reason}"))
    return Check(name, State.WRONG, getattr(verdict, "reason", ""), NEW_KEY.format(setting=key.setting))


def _test_event(now_ms: int) -> Document:
    return {
        "event": TEST_EVENT,
        "anonymous_id": "bridge-doctor",
        "timestamp": iso(now_ms),
        "properties": {"test": True, "sent_by": "bridge doctor"},
    }
