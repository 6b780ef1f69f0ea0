"""Stripe's receiving half: proves a webhook by its signature and finds the few fields that the ledger needs.

The check is the one of the `stripe` package (https://docs.stripe.com/webhooks#verify-official-libraries) over the raw
bytes. The event is parsed here and not by the package's `construct_event`, which takes 40 times as long (measured).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from bridge.errors import Forged
from bridge.sources.stripe.signature import signed_with
from bridge.values.records import Environment, Notification
from bridge.values.times import DAY_MS, SECOND_MS, from_iso
from bridge.values.words import word

TOLERANCE_MS = 300 * SECOND_MS  # https://docs.stripe.com/webhooks#replay-prevention
MAX_HEADER_CHARS = 2_048  # a signature takes 68; there is one for each live secret while secrets are rolled
TEST_CLOCK_AHEAD_MS = 10 * 366 * DAY_MS  # sandbox events of a test clock carry its time, which runs ahead of ours

THIN_OBJECT = "v2.core.event"
THIN_HINT = (
    "This is a thin event: it carries no data, so the bridge cannot price it. In Stripe open Workbench, Webhooks, "
    "this destination, and create it anew with payload style Snapshot."
)


class StripeReceiver:
    """Proves Stripe's webhooks with any of several signing secrets (`whsec_…`)."""

    name = "stripe"

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secrets)

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:
        """Prove the raw bytes and give the notification; see Receiver for the errors.

        A proven body always becomes a notification. One that cannot be read gets the digest of its bytes as its id:
        the stating half will call it failed, and a person can look at it.
        """
        header = _signature_header(headers)
        self._prove(header, body)
        _check_age(header, now_ms)
        return notification_of(body, now_ms)

    def _prove(self, header: str, body: bytes) -> None:
        if not any(signed_with(secret, header, body) for secret in self._secrets):
            raise Forged(
                "The signature does not fit any secret in STRIPE_WEBHOOK_SECRETS. Is the signing secret of this very "
                "endpoint in it (each endpoint has its own, sandbox and live ones differ, and so does that of "
                "`stripe listen`), and does nothing on the way change the body?"
            )


def _signature_header(headers: Mapping[str, str]) -> str:
    header = headers.get("stripe-signature")
    if not header:
        raise Forged("There is no Stripe-Signature header: this URL takes the webhooks of Stripe.")
    if len(header) > MAX_HEADER_CHARS or not header.isascii():
        raise Forged("The Stripe-Signature header is not of the documented form.")
    return header


def _check_age(header: str, now_ms: int) -> None:
    """The package looks at the machine's own clock and only backwards; this looks both ways from `now_ms`."""
    age_ms = now_ms - _signed_at_s(header) * SECOND_MS
    if abs(age_ms) > TOLERANCE_MS:
        direction = "old" if age_ms > 0 else "ahead"
        raise Forged(
            f"The signature is right and its time is more than {TOLERANCE_MS // SECOND_MS} s {direction}: "
            "is the clock of this machine right?",
            code="not_current",
        )


def _signed_at_s(header: str) -> int:
    """The time in a proven header, read exactly as the package reads it: another reading would open it to replay."""
    items = (item.split("=", 2) for item in header.split(","))
    return int(next(item[1] for item in items if item[0] == "t"))


def notification_of(body: bytes, now_ms: int) -> Notification:
    """The notification that a body is, proven or not."""
    event = _read(body)
    thin = event.get("object") == THIN_OBJECT
    return Notification(
        source="stripe",
        id=word(event.get("id")) or f"sha256:{sha256(body).hexdigest()}",
        type=word(event.get("type")),
        environment=_environment(event.get("livemode")),
        occurred_at_ms=_created_ms(event.get("created"), now_ms),
        received_at_ms=now_ms,
        body=body,
        hint=THIN_HINT if thin else "",
    )


def _read(body: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _environment(livemode: object) -> Environment:
    if livemode is True:
        return Environment.PRODUCTION
    return Environment.SANDBOX if livemode is False else Environment.UNKNOWN


def _created_ms(created: object, now_ms: int) -> int:
    """Whole seconds, in thin events ISO text; anything absurd is replaced by the time of reception."""
    try:
        created_ms = from_iso(created) if isinstance(created, str) else _whole(created) * SECOND_MS
    except ValueError:
        return now_ms
    return created_ms if 0 < created_ms <= now_ms + TEST_CLOCK_AHEAD_MS else now_ms


def _whole(value: object) -> int:
    if type(value) is not int:  # a bool is an int, and no time
        raise ValueError("expected whole seconds")
    return value
