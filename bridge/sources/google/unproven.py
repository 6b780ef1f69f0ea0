"""Reads a notification that nobody has proven, for `bridge explain`: a push, or what is inside one."""

from bridge.sources.google import push
from bridge.sources.google.receive import occurred_at_ms
from bridge.values.records import Environment, Notification


def notification_of(body: bytes, now_ms: int) -> Notification:
    """The notification in a body, as if it had come at `now_ms` (epoch milliseconds)."""
    message_id, document = push.read({}, body)
    return Notification(
        source="google",
        id=message_id or "unproven",
        type=push.kind(document),
        environment=Environment.UNKNOWN,
        occurred_at_ms=occurred_at_ms(document.get("eventTimeMillis"), now_ms),
        received_at_ms=now_ms,
        body=body,
    )
