"""Google's receiving half: proves a Pub/Sub push by its bearer token and finds the few fields that the ledger needs.

The notification says nothing of money, user or product; the stating half asks Google for them once it is kept.
"""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Protocol

from bridge.sources.google import push
from bridge.sources.google.token import PushToken, check_claims, not_proven, read_token
from bridge.values.records import Document, Environment, Notification
from bridge.values.times import DAY_MS
from bridge.values.words import word

UNREADABLE_HINT = "This is no notification of Google Play. Does anything but Google Play publish to this Pub/Sub topic?"


class Verifier(Protocol):
    """A public key (bridge.sources.google.certificates.RsaKey)."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right."""


class Certificates(Protocol):
    """Google's signing keys (bridge.sources.google.certificates, imported only where Google is configured)."""

    def verifier(self, key_id: str, now_ms: int) -> Verifier | None:
        """The key of that id, None when there is none. Raises NeedsKeys, CannotTell."""


class GoogleReceiver:
    """Proves the pushes of one Pub/Sub subscription."""

    name = "google"

    def __init__(self, packages: Collection[str], audience: str, account: str, certificates: Certificates) -> None:
        """`packages` are our apps, `audience` and `account` what the subscription's token must say."""
        self._packages = frozenset(packages)
        self._audience = audience
        self._account = account
        self._certificates = certificates

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:
        """Prove the push and give the notification; see Receiver for the errors.

        1. The bearer token has the shape of Google's, so that nothing else can make the bridge fetch a certificate.
        2. It says what it has to say: Google, this bridge, the configured account, now.
        3. Google signed it.

        A proven push always becomes a notification: Pub/Sub repeats a refused one for days, whatever the status
        (https://cloud.google.com/pubsub/docs/push). One that cannot be read, or of an app that is not ours, gets a
        hint; the stating half asks nothing about it.
        """
        token = read_token(headers.get("authorization", ""))
        check_claims(token.claims, self._audience, self._account, now_ms)
        self._check_signature(token, now_ms)
        return self._notification(headers, body, now_ms)

    def _check_signature(self, token: PushToken, now_ms: int) -> None:
        verifier = self._certificates.verifier(token.key_id, now_ms)
        if verifier is None:
            raise not_proven("The bearer token is signed with a key that is not Google's.")
        if not verifier.verify(token.signed, token.signature):
            raise not_proven("The signature of the bearer token is not right.")

    def _notification(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:
        message_id, document = push.read(headers, body)
        return Notification(
            source="google",
            id=message_id or f"sha256:{sha256(body).hexdigest()}",
            type=push.kind(document),
            environment=Environment.UNKNOWN,  # only the purchase says whether a licence tester made it
            occurred_at_ms=occurred_at_ms(document.get("eventTimeMillis"), now_ms),
            received_at_ms=now_ms,
            body=body,
            hint=self._hint(document),
        )

    def _hint(self, document: Document) -> str:
        package = document.get("packageName")
        if not isinstance(package, str):
            return UNREADABLE_HINT
        if package in self._packages:
            return ""
        return f"It is kept and not priced: {word(package) or 'its app'} is not in GOOGLE_PACKAGES."


def occurred_at_ms(event_time: object, now_ms: int) -> int:
    """When it happened, epoch milliseconds: documented as a number and sent as text; an absurd one becomes `now_ms`."""
    text = str(event_time)
    stated_ms = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
    return stated_ms if 0 < stated_ms <= now_ms + DAY_MS else now_ms
