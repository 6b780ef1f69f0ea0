"""A notification that nobody has proven, for explanations: as Apple sent it, or as a person reads it, decoded."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from bridge.errors import BadNotification
from bridge.sources.apple.identity import PARTS
from bridge.sources.apple.jws import claims, signed_payload
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Notification

NESTED_FIELDS = frozenset({"signedTransactionInfo", "signedRenewalInfo", "signedAppTransactionInfo"})


def notification_of(body: bytes, now_ms: int) -> Notification:
    """The notification that a body is. Raises BadNotification when it is none."""
    try:
        whole = jsontext.loads(body)
    except ValueError as error:
        raise BadNotification(f"the body is no JSON: {error}") from None
    if isinstance(whole, dict) and "signedPayload" not in whole:
        body = jsontext.dumps({"signedPayload": _unsigned(_with_unsigned_parts(whole))})
    try:
        outer = claims(signed_payload(body))
    except ValueError:
        raise BadNotification("the body holds no signedPayload") from None
    signed_ms = outer.get("signedDate")
    return Notification(
        source="apple",
        id=str(outer.get("notificationUUID", "")),
        type=str(outer.get("notificationType", "")),
        environment=_environment(outer),
        occurred_at_ms=signed_ms if isinstance(signed_ms, int) else now_ms,
        received_at_ms=now_ms,
        body=body,
    )


def _environment(outer: Document) -> Environment:
    parts = [outer[name] for name in PARTS if isinstance(outer.get(name), dict)]
    sandbox = any(part.get("environment") == "Sandbox" for part in parts)
    return Environment.SANDBOX if sandbox else Environment.PRODUCTION


def _with_unsigned_parts(whole: Document) -> Document:
    parts = {name: part for name, part in whole.items() if isinstance(part, dict)}
    return whole | {name: {field: _part(field, value) for field, value in part.items()} for name, part in parts.items()}


def _part(field: str, value: Any) -> Any:
    return _unsigned(value) if field in NESTED_FIELDS and isinstance(value, dict) else value


def _unsigned(document: Mapping[str, Any]) -> str:
    """In the form of a JWS, with nothing signed: `claims` reads it, no proof ever accepts it."""
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b"{}", jsontext.dumps(document), b"-"))
