"""What an answer of the Play Developer API other than 200 means, in words that read after "waiting for".

Google's own sentence is left out: it may hold a purchase token. Its words for a reason (`permissionDenied`) are enough.
"""

import re
from typing import Any

from bridge.errors import NotAllowed, NotYet
from bridge.values import jsontext

GONE = frozenset({400, 404, 410})
"""Asked again, these say the same. 410: a purchase that ended more than 60 days ago; what is malformed is a 400.
https://developer.android.com/google/play/developer-api#subscriptions"""

_OVER_QUOTA_WORDS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"})
_API_OFF_WORDS = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_WORD = re.compile(r"[A-Za-z_]{1,60}")


def is_over_quota(status: int, body: bytes) -> bool:
    """Whether this is about a quota: 429, or the 403 of older Google APIs."""
    return status == 429 or (status == 403 and not _OVER_QUOTA_WORDS.isdisjoint(_words(body)))


def refusal(status: int, body: bytes) -> NotYet:
    """Why there is no answer for now. Rights are no NotAllowed: new ones may need nothing but time."""
    words = _words(body)
    said = " ".join([str(status), *words[:1]])
    if status == 403 and not _API_OFF_WORDS.isdisjoint(words):
        return NotAllowed(f"Google: the Google Play Android Developer API to be enabled in the Cloud project ({said})")
    if status in {401, 403}:
        return NotYet(
            "Google: rights may take up to 48 hours after the service account was invited in Play Console, with "
            f"'View financial data' ({said})"
        )
    return NotYet(f"Google: its Play Developer API to answer again ({said})")


def _words(body: bytes) -> list[str]:
    """The words for a reason in an error (https://cloud.google.com/apis/design/errors), none when there is no error."""
    try:
        document = jsontext.loads(body)
    except ValueError:
        return []
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return []
    parts = [*_objects(error.get("errors")), *_objects(error.get("details"))]
    found = [*(part.get("reason") for part in parts), error.get("status")]
    return [word for word in found if isinstance(word, str) and _WORD.fullmatch(word)]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
