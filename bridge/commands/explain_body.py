"""The body of a kept notification as a person can read it: what is signed or encoded in it is taken out."""

from typing import Any

from bridge.errors import BadNotification
from bridge.sources.apple.jws import claims
from bridge.sources.google.push import developer_notification
from bridge.values import jsontext


def readable(source: str, body: bytes) -> Any:
    """A source's body as JSON. Raises ValueError when it is none, or nested too deeply to be shown."""
    try:
        document = _opened(_decoded(source, body))
        jsontext.dumps([[[[document]]]])  # as deep as it stands in an explanation
    except BadNotification as error:
        raise ValueError(str(error)) from None
    except (TypeError, RecursionError):
        raise ValueError("the JSON is nested too deeply") from None
    return document


def _decoded(source: str, body: bytes) -> Any:
    """The body, with Google's notification where Pub/Sub has it in base64."""
    document = jsontext.loads(body)
    if source == "google" and isinstance(document, dict) and isinstance(document.get("message"), dict):
        document["message"]["data"] = developer_notification(body)
    return document


def _opened(value: Any) -> Any:
    """The same with the content of Apple's signed parts (`signedPayload`, `signedTransactionInfo` …) in their place."""
    if isinstance(value, list):
        return [_opened(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _opened(claims(one) if _is_signed(key, one) else one) for key, one in value.items()}


def _is_signed(key: str, value: Any) -> bool:
    return key.startswith("signed") and isinstance(value, str)
