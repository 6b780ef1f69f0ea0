"""Stripe's own table of decimals. ISO 4217's is wrong for it: ISK and UGX take two decimals at Stripe.

Source: Stripe's documentation, page "Supported currencies", sections "Zero-decimal currencies", "Special cases" and
"Three-decimal currencies". UGX stands in the zero-decimal list there, yet the special cases want 500 for 5 UGX.
"""

from bridge.values.money import Money, from_minor

_NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THREE_DECIMALS = frozenset("BHD JOD KWD OMR TND".split())


def money(units: int, currency: str) -> Money:
    """An amount as Stripe states it (4999, "usd") in major units (49.99 USD).

    Raises ValueError for a currency that is no three-letter code.
    """
    return from_minor(units, currency, decimals(currency))


def decimals(currency: str) -> int:
    """How many decimals Stripe's whole numbers have in this currency."""
    code = currency.upper()
    if code in _NO_DECIMALS:
        return 0
    return 3 if code in _THREE_DECIMALS else 2
