"""Hides what tells who a person is, or what opens a door, in a document that is shown on a screen."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

SHORTEST_FOUND_ELSEWHERE = 6  # characters; shorter ones stand in other words by chance
MOST_FOUND_ELSEWHERE = 500  # a notification has a few; a strange one must not cost minutes

_TELLING = re.compile(r"email|phone|address|token|secret|fingerprint|(?:name|url|pdf|last4|iban|taxids)$")
_USER_ID = "appaccounttoken"  # the app's own id of its user, which the event carries as `user_id`
_NOT_TELLING = frozenset(
    {_USER_ID, "packagename", "productname", "planname", "country", "regioncode", "buyercountry", "accountname"}
)
_PEOPLE = frozenset({"billingdetails", "customerdetails", "shipping", "shippingdetails", "ip", "customerpurchaseip"})
_EMAIL = r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"


def veiled(document: Any) -> Any:
    """The document without e-mail addresses, names, phones, addresses, tokens, and links that open without a password.

    Fields go by their names, whoever wrote them; e-mail addresses by their look. What was found in such a field is
    hidden wherever else it stands, as Google's purchase tokens stand in questions and facts; the same text has the same
    number everywhere. Ids of users, countries, the merchant's own name (`account_name`) and amounts stay. A name in a
    free text, which nothing marks as one, is shown.
    """
    hidden = {text for text in _hidden(document, telling=False) if len(text) >= SHORTEST_FOUND_ELSEWHERE}
    found = sorted(hidden, key=len, reverse=True)[:MOST_FOUND_ELSEWHERE]
    return _Veil(re.compile("|".join([*map(re.escape, found), _EMAIL]))).over(document, telling=False)


class _Veil:
    """Hides values; `elsewhere` finds what is hidden in texts that are shown."""

    def __init__(self, elsewhere: re.Pattern[str]) -> None:
        self._elsewhere = elsewhere
        self._numbers: dict[str, int] = {}

    def over(self, value: Any, *, telling: bool) -> Any:
        """The value as it is shown; `telling` is true when it stands in what is hidden."""
        if isinstance(value, dict):
            return {
                self._mended(key): self.over(one, telling=_tells(key, inside=telling)) for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.over(one, telling=telling) for one in value]
        if telling and isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
            return self._number(str(value))
        return self._mended(value) if isinstance(value, str) else value

    def _mended(self, text: str) -> str:
        return self._elsewhere.sub(lambda found: self._number(found[0]), text)

    def _number(self, text: str) -> str:
        return f"(veiled {self._numbers.setdefault(text, len(self._numbers) + 1)})"


def _hidden(value: Any, *, telling: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _hidden(one, telling=_tells(key, inside=telling))
    elif isinstance(value, list):
        for one in value:
            yield from _hidden(one, telling=telling)
    elif telling and isinstance(value, str):
        yield value


def _tells(key: str, *, inside: bool) -> bool:
    """Whether what stands under this key is hidden; `inside` is true when the key itself stands in what is hidden."""
    plain = key.replace("_", "").replace("-", "").lower()
    return plain not in _NOT_TELLING and (inside or plain in _PEOPLE or bool(_TELLING.search(plain)))
