"""Google's `Money`: a currency, whole units as text and billionths as a number, each left out when it is zero.

Source: https://developers.google.com/android-publisher/api-ref/rest/v3/Money
"""

import re
from decimal import Decimal

from bridge.errors import BadNotification
from bridge.values.money import Money, currency_code
from bridge.values.reader import Reader

MAX_NANOS = 999_999_999
_UNITS = re.compile(r"-?[0-9]{1,19}")


def money_at(document: Reader, place: str) -> Money | None:
    """The amount at a place, exact to the last billionth; None when there is none.

    Raises BadNotification for one that is negative or not of the documented form: the signs of both parts agree.
    """
    if document.document.get(place) is None:
        return None
    part = document.child(place)
    units, nanos = _units(part), part.integer("nanos") or 0
    if units < 0 or not 0 <= nanos <= MAX_NANOS:
        raise BadNotification(f"{part.at}: expected an amount of at least 0, with nanos from 0 to {MAX_NANOS}")
    amount = Decimal(units) + Decimal(nanos).scaleb(-9)
    return Money(amount.normalize() if nanos else Decimal(units), _currency(part))


def _units(part: Reader) -> int:
    text = part.text("units") or "0"
    if not _UNITS.fullmatch(text):
        raise BadNotification(f"{part.at}.units: expected a whole number of at most 19 digits")
    return int(text)


def _currency(part: Reader) -> str:
    code = part.text("currencyCode")
    if code is None:
        raise BadNotification(f"{part.at}.currencyCode is missing")
    try:
        return currency_code(code)
    except ValueError as error:
        raise BadNotification(f"{part.at}.currencyCode: {error}") from None
