"""Who an event belongs to. No placeholder and no invented user: a wrong pair of ids merges two histories for good."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bridge.mapping.fields import Found
from bridge.mapping.paths import FactPath
from bridge.values.records import Document

MAX_ID = 500  # characters; a longer one is no id, and cutting it could make two users one

PLACEHOLDERS = frozenset({
    "anonymous", "guest", "n/a", "nan", "nil", "none", "null", "undefined", "unknown",
    "00000000-0000-0000-0000-000000000000",
})  # fmt: skip
"""What programs write when they have no user. FloKit's data quality checklist names `unknown` as a fault."""

_LINKED = FactPath("previous.anonymous_id")
_EMAIL_HASH = FactPath("email_hash")
_SHA_256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class User:
    """The ids of one event, each with the path it came from."""

    user_id: Found | None
    anonymous_id: Found | None


@dataclass(frozen=True, slots=True)
class UserRules:
    """A mapping's [user]: where to look, in order."""

    user_id: tuple[FactPath, ...]
    anonymous_id: tuple[FactPath, ...]
    email_hash: bool = False

    def resolve(self, facts: Document) -> User:
        """The first usable user id; without one the first usable anonymous id.

        Both only when an earlier event went out under the anonymous id: FloKit then joins the two histories.
        """
        user_id = _first_usable(self.user_id, facts)
        return User(user_id, _first_usable((_LINKED,) if user_id else self.anonymous_id, facts))

    def hashed_email(self, facts: Document) -> str | None:
        """SHA-256 of the lower-cased address in hexadecimal, as the source states it; None unless switched on.

        Anything of another form is left out, so that no address goes out as it stands.
        """
        value = _EMAIL_HASH.read(facts) if self.email_hash else None
        return value if isinstance(value, str) and _SHA_256.fullmatch(value) else None

    def looked_at(self, facts: Document) -> Iterator[tuple[str, str]]:
        """Each path of the user id with what was found there, in words, down to the one that won."""
        for path in self.user_id:
            value = path.read(facts)
            yield path.text, _judged(value)
            if is_usable(value):
                return


def is_usable(value: Any) -> bool:
    """Whether a value can be somebody's id."""
    if not isinstance(value, str) or len(value) > MAX_ID or not value.strip():
        return False
    return value.strip().casefold() not in PLACEHOLDERS and not any("\ud800" <= char <= "\udfff" for char in value)


def _first_usable(paths: tuple[FactPath, ...], facts: Document) -> Found | None:
    values = ((path.read(facts), path.text) for path in paths)
    return next((Found(value, text) for value, text in values if is_usable(value)), None)


def _judged(value: Any) -> str:
    if value in (None, ""):
        return "absent"
    return "taken" if is_usable(value) else "there, but no id (a placeholder, too long, or no text)"
