"""Apple's receiving half: proves App Store Server Notifications (Version 2) by all the signatures in them.

What is proven and odd (an unknown type, a price that is text) is still proven: it is kept, and the stating half says
what is wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from bridge.errors import CannotTell, Forged
from bridge.sources.apple.identity import (
    Identity,
    check_app_transaction,
    check_renewal,
    check_transaction,
    identify,
)
from bridge.sources.apple.jws import signed_payload
from bridge.values.records import Notification
from bridge.values.times import DAY_MS, HOUR_MS
from bridge.values.words import word

MAX_WORD_CHARS = 100  # a notificationUUID has 36, the longest type 25
MAX_AHEAD_MS = HOUR_MS

# Where a notification carries further signed parts, and what each must agree with.
NESTED: Sequence[tuple[str, str, Callable[[Mapping[str, Any], Identity], None]]] = (
    ("data", "signedTransactionInfo", check_transaction),
    ("data", "signedRenewalInfo", check_renewal),
    ("appData", "signedAppTransactionInfo", check_app_transaction),
)


class AppleReceiver:
    """Proves notifications of any of our apps, Production and Sandbox alike. To be used on one event loop."""

    name = "apple"

    def __init__(self, apps: Mapping[str, int | None], roots: Sequence[bytes], max_age_days: int) -> None:
        """`apps` maps each bundle id to the app's Apple ID (Production needs it), `roots` are trusted certificates in
        DER (see `roots.trusted_roots`), `max_age_days` bounds the age of a notification; 0 takes any age."""
        # Here and not above: where Apple is not configured, nothing is spent on importing cryptography.
        from bridge.sources.apple.chains import Chains  # noqa: PLC0415
        from bridge.sources.apple.proof import Prover  # noqa: PLC0415

        self._apps = dict(apps)
        self._max_age_ms = max_age_days * DAY_MS
        self.chains = Chains(roots)
        self._prover = Prover(self.chains)

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:  # noqa: ARG002 - Apple sends no header of use
        """Prove the raw bytes and give the notification; see Receiver for the errors.

        1. The outer JWS is Apple's.
        2. It is about one of our apps, in Production or Sandbox.
        3. It is not older than the maximum age, so that an old capture cannot be played back.
        4. Each JWS inside is Apple's, about the same app and environment.
        """
        outer = self._prover.prove(_outer_jws(body), now_ms)
        identity = identify(outer, self._apps)
        self._check_age(_signed_at_ms(outer, now_ms), now_ms)
        self._prove_nested(outer, identity, now_ms)
        return _notification(outer, identity, body, now_ms)

    def _check_age(self, signed_at_ms: int, now_ms: int) -> None:
        if self._max_age_ms and now_ms - signed_at_ms > self._max_age_ms:
            raise Forged(
                f"Apple signed this more than {self._max_age_ms // DAY_MS} days ago (APPLE_MAX_AGE_DAYS).",
                code="not_current",
            )
        if self._max_age_ms and signed_at_ms - now_ms > MAX_AHEAD_MS:
            # Apple's signature proves the time, so the fault is here, and the notification must not get lost.
            raise CannotTell("By its signature this comes from the future: is the clock of this machine right?")

    def _prove_nested(self, outer: Mapping[str, Any], identity: Identity, now_ms: int) -> None:
        for part_name, field, check in NESTED:
            part = outer.get(part_name)
            text = part.get(field) if isinstance(part, dict) else None
            if text is None:
                continue
            if not isinstance(text, str):
                raise Forged(f"{part_name}.{field} is not a JWS.")
            check(self._prover.prove(text, now_ms), identity)


def _outer_jws(body: bytes) -> str:
    try:
        return signed_payload(body)
    except ValueError:
        raise Forged(
            'The body is not {"signedPayload": "…"}: this URL takes App Store Server Notifications of Version 2. '
            "Choose Version 2 in App Store Connect, App Information, App Store Server Notifications."
        ) from None


def _notification(outer: Mapping[str, Any], identity: Identity, body: bytes, now_ms: int) -> Notification:
    return Notification(
        source="apple",
        id=word(outer.get("notificationUUID"), MAX_WORD_CHARS) or f"sha256:{sha256(body).hexdigest()}",
        type=word(outer.get("notificationType"), MAX_WORD_CHARS),
        environment=identity.environment,
        occurred_at_ms=_signed_at_ms(outer, now_ms),
        received_at_ms=now_ms,
        body=body,
    )


def _signed_at_ms(outer: Mapping[str, Any], now_ms: int) -> int:
    """When Apple signed it; the proof has made sure that it is a number within the life of the certificates."""
    signed = outer.get("signedDate")
    return now_ms if signed is None else int(signed)
