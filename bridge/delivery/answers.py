"""From FloKit's answer to a verdict. Functions of their arguments; nothing an answer may hold makes them raise.

FloKit documents 200, 400, 401, 403 and 429 (its pages "Send events", "Batch events" and "Authentication"). The rest
follows one thought: an event is given up only when FloKit speaks about the event itself (400, 413, 422). A status
that speaks about the key or the address stops the delivery; any other one, known or not, means "try again".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from bridge.delivery.verdicts import AllTaken, Answer, Refused, Split, Stop, Taken, TryAgain
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import EPOCH, HOUR_MS, SECOND_MS

LONGEST_RETRY_AFTER_MS = HOUR_MS  # a garbled Retry-After must not silence the bridge for years
MAX_REASON_CHARS = 300

_NOT_VALID = {400, 413, 422}
_KEY_WRONG = {
    401: "FloKit does not know the API key: set FLOKIT_API_KEY (FLOKIT_SANDBOX_API_KEY for the sandbox) anew",
    403: "FloKit does not let this API key send events: create a read-write key and set FLOKIT_API_KEY to it",
}
_ADDRESS_WRONG = {*range(300, 400), 404, 405, 407, 410}
# 408: FloKit gave up waiting; 409: another try of the same key may be at work. Either may have been taken.
_MAYBE_TAKEN = {408, 409}

_SECONDS = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer: the body as far as it was read, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def of_single(response: Response, now_ms: int) -> Answer:
    """What the answer to one event means."""
    if response.status in _NOT_VALID:
        return [Refused(response.status, _refusal(response))]
    if not _is_success(response):
        return _of_failure(response, now_ms)
    document = _document(response)
    event_id = _text(document.get("event_id"))
    if event_id or document.get("status") == "ok":
        return [Taken(response.status, event_id)]
    return _not_understood(response)


def of_batch(response: Response, count: int, now_ms: int) -> Answer:
    """What the answer to a batch of `count` events means."""
    if response.status in _NOT_VALID:
        return Split(response.status, _refusal(response))
    if not _is_success(response):
        return _of_failure(response, now_ms)
    document = _document(response)
    errors = _errors_by_index(document.get("errors", []), count)
    counts = (document.get("accepted"), document.get("rejected"))
    if errors is None or counts != (count - len(errors), len(errors)):
        return _not_understood(response)
    # event_ids lists the accepted ones only, in order, so it is used only when it has exactly as many.
    listed = document.get("event_ids")
    ids = listed if isinstance(listed, list) and len(listed) == count - len(errors) else []
    if errors:
        return _by_index(response.status, count, errors, ids)
    return AllTaken(response.status, tuple(map(_text, ids)))


def retry_after_ms(text: str, now_ms: int) -> int | None:
    """`Retry-After` (RFC 9110: seconds, or a date) as milliseconds from now, at most an hour. None when unreadable."""
    if _SECONDS.fullmatch(text.strip()):
        return min(int(text) * SECOND_MS, LONGEST_RETRY_AFTER_MS)
    try:
        at_ms = int((parsedate_to_datetime(text) - EPOCH).total_seconds() * SECOND_MS)
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
    return min(max(at_ms - now_ms, 0), LONGEST_RETRY_AFTER_MS)


def _of_failure(response: Response, now_ms: int) -> Answer:
    status = response.status
    if status in _KEY_WRONG:
        return Stop(status, _KEY_WRONG[status])
    if status in _ADDRESS_WRONG:
        return Stop(status, "this is not the address of FloKit's Events API: check FLOKIT_API_URL")
    in_doubt = status >= 500 or status in _MAYBE_TAKEN
    return TryAgain(
        status, _refusal(response), in_doubt, retry_after_ms(response.headers.get("retry-after", ""), now_ms)
    )


def _not_understood(response: Response) -> TryAgain:
    return TryAgain(response.status, f"not FloKit's answer: {_shortened(response.body)}", in_doubt=True)


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _by_index(status: int, count: int, errors: Mapping[int, str], ids: Sequence[Any]) -> list[Taken | Refused]:
    of_accepted = iter(ids)
    return [
        Refused(status, errors[index]) if index in errors else Taken(status, _text(next(of_accepted, "")))
        for index in range(count)
    ]


def _errors_by_index(errors: object, count: int) -> dict[int, str] | None:
    """The reason for each refused index; None when they do not fit a batch of `count`."""
    if not isinstance(errors, list):
        return None
    reasons: dict[int, str] = {}
    for error in errors:
        index = error.get("index") if isinstance(error, dict) else None
        if type(index) is not int or not 0 <= index < count or index in reasons:
            return None
        reasons[index] = _reason(error)
    return reasons


def _refusal(response: Response) -> str:
    document = _document(response)
    said = ": ".join(part for part in (_text(document.get("error")), _text(document.get("message"))) if part)
    return _printable(said) or _shortened(response.body) or f"HTTP {response.status} without a reason"


def _reason(error: Document) -> str:
    # FloKit's page shows the index of a refused event, but not the name of the field with the reason.
    said = next((text for name in ("reason", "message", "error") if (text := _text(error.get(name)))), "")
    return _printable(said) or _shortened(jsontext.dumps(error))


def _document(response: Response) -> Document:
    try:
        document = jsontext.loads(response.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shortened(body: bytes) -> str:
    return _printable(body[:MAX_REASON_CHARS].decode("utf-8", "replace"))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:MAX_REASON_CHARS]).strip()
