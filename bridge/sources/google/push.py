"""The body of a Pub/Sub push, and what kind of notification is in it. Both halves of the source read it here.

Sources: https://cloud.google.com/pubsub/docs/push (wrapped and unwrapped delivery) and
https://developer.android.com/google/play/billing/rtdn-reference (what Google Play puts in it).
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import orjson

from bridge.values.records import Document
from bridge.values.words import word

UNWRAPPED_ID_HEADER = "x-goog-pubsub-message-id"

SUBSCRIPTION_TYPES: Mapping[int, str] = {
    1: "RECOVERED",
    2: "RENEWED",
    3: "CANCELED",
    4: "PURCHASED",
    5: "ON_HOLD",
    6: "IN_GRACE_PERIOD",
    7: "RESTARTED",
    8: "PRICE_CHANGE_CONFIRMED",
    9: "DEFERRED",
    10: "PAUSED",
    11: "PAUSE_SCHEDULE_CHANGED",
    12: "REVOKED",
    13: "EXPIRED",
    17: "ITEMS_CHANGED",
    18: "CANCELLATION_SCHEDULED",
    19: "PRICE_CHANGE_UPDATED",
    20: "PENDING_PURCHASE_CANCELED",
    22: "PRICE_STEP_UP_CONSENT_UPDATED",
}
ONE_TIME_TYPES: Mapping[int, str] = {1: "PURCHASED", 2: "CANCELED"}

_NUMBERED: Mapping[str, tuple[str, Mapping[int, str]]] = {
    "subscriptionNotification": ("SUBSCRIPTION", SUBSCRIPTION_TYPES),
    "oneTimeProductNotification": ("ONE_TIME_PRODUCT", ONE_TIME_TYPES),
}


def developer_notification(body: bytes) -> Document:
    """The DeveloperNotification in the body of a push, wrapped or not.

    Raises ValueError when there is none: anybody with the right to publish to the topic can put anything in a message.
    """
    return _notification(_object(body))


def read(headers: Mapping[str, str], body: bytes) -> tuple[str, Document]:
    """The Pub/Sub message id (empty when there is none) and the DeveloperNotification (empty when it is unreadable).

    `headers` has lower-case names; an unwrapped push carries its message id there.
    """
    try:
        outer = _object(body)
    except ValueError:
        return word(headers.get(UNWRAPPED_ID_HEADER)), {}
    try:
        return _message_id(headers, outer), _notification(outer)
    except ValueError:
        return _message_id(headers, outer), {}


def kind(notification: Document) -> str:
    """Google's name for what happened, such as `SUBSCRIPTION_RENEWED`; a number without a name stays a number
    (`SUBSCRIPTION_21`). A body that has no number goes by its own name, known or not (`voidedPurchaseNotification`).

    Empty when there is no body at all.
    """
    name = next((key for key in notification if key.endswith("Notification")), "")
    prefix, names = _NUMBERED.get(name, ("", {}))
    part = notification.get(name)
    number = part.get("notificationType") if isinstance(part, dict) else None
    if prefix and type(number) is int:  # a bool is an int, and no number of Google's
        return f"{prefix}_{names.get(number, number)}"
    return word(name)


def _notification(outer: Document) -> Document:
    if "message" not in outer:
        return outer
    message = outer["message"]
    data = message.get("data") if isinstance(message, dict) else None
    if not isinstance(data, str):
        raise ValueError("the Pub/Sub message carries no data")
    return _object(b64decode(data, validate=True))


def _message_id(headers: Mapping[str, str], outer: Document) -> str:
    if "message" not in outer:
        return word(headers.get(UNWRAPPED_ID_HEADER))
    message = outer["message"]
    if not isinstance(message, dict):
        return ""
    return word(message.get("messageId") or message.get("message_id"))


def _object(text: bytes) -> Document:
    document: Any = orjson.loads(text)  # there is no amount in it, and this is six times as fast as jsontext
    if not isinstance(document, dict):
        raise ValueError("expected a JSON object")
    return document
