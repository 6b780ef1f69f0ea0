"""A proven notification as a message of the queue, and back.

SQS takes 1 MiB of text and refuses some characters that JSON allows, so a message is ASCII, and a large body is packed.
What is still too large goes to S3, and the message says where it is.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from bridge.taking import MAX_BODY_BYTES
from bridge.values.records import Environment, Notification

MAX_MESSAGE_BYTES = 1 << 20
PACK_FROM_BYTES = 32 << 10  # SQS counts a message by the 64 KB begun; below that packing would only take time

StoreObject = Callable[[str, bytes], object]
FetchObject = Callable[[str], bytes]


class NotOurs(Exception):
    """A message that the bridge has not written, or not in this form."""


def pack(notification: Notification, store: StoreObject) -> str:
    """The message of a notification. `store` keeps a body, by its name, that is too large for any message."""
    body = notification.body
    message = {
        "source": notification.source,
        "id": notification.id,
        "type": notification.type,
        "environment": notification.environment.value,
        "occurred_at_ms": notification.occurred_at_ms,
        "received_at_ms": notification.received_at_ms,
        "hint": notification.hint,
    }
    kind, data = ("packed", zlib.compress(body, 1)) if len(body) > PACK_FROM_BYTES else ("body", body)
    text = json.dumps({**message, kind: b64encode(data).decode()})
    if len(text) <= MAX_MESSAGE_BYTES:
        return text
    name = f"{notification.source}/{sha256(body).hexdigest()}"
    store(name, body)
    return json.dumps({**message, "object": name})


def unpack(text: str, fetch: FetchObject) -> Notification:
    """The notification of a message. `fetch` gives a stored body by its name.

    Raises NotOurs when it cannot be read, and what `fetch` raises.
    """
    try:
        message = json.loads(text)
        return Notification(
            source=message["source"],
            id=message["id"],
            type=message["type"],
            environment=Environment(message["environment"]),
            occurred_at_ms=int(message["occurred_at_ms"]),
            received_at_ms=int(message["received_at_ms"]),
            hint=message["hint"],
            body=_body(message, fetch),
        )
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise NotOurs(f"{type(error).__name__} in reading the message") from None


def _body(message: dict[str, Any], fetch: FetchObject) -> bytes:
    if "object" in message:
        return fetch(message["object"])
    if "packed" in message:
        return zlib.decompressobj().decompress(b64decode(message["packed"]), MAX_BODY_BYTES)
    return b64decode(message["body"], validate=True)
