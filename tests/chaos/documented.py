"""Where the order of arrival shows in an event, all of it: the same fact and the same money under another word."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from .truth import Fact


@dataclass(frozen=True)
class Likeness:
    """Events that are alike but for `pattern` (in the text "name key") tell the same fact, for a reason."""

    reason: str
    pattern: re.Pattern[str]
    instead: str


LIKENESSES = (
    Likeness(
        "A paid period that comes before the trial it follows is told as a renewal: neither source says in it "
        "that there was a trial, and the bridge does not guess. With the source's API key it can ask.",
        re.compile(r"^subscription_started (?=in_\w+$|\d+$)"),
        "renewal_completed ",
    ),
    Likeness(
        "Stripe: what goes back before the sale is known is named after the payment, later after the invoice, "
        "for since 2025 a refund or dispute does not say which invoice was paid.",
        re.compile(r" (?:in|pi)_(?=\w+:refund_)"),
        " payment_",
    ),
    Likeness(
        "Stripe: a refund is told twice, by the charge (so much more has gone back) and by itself; the first to come "
        "gives the key, and the second is recognised by its amount.",
        re.compile(r":refund_issued:(?:ch_\w+-\d+-\d+|re_\w+)$"),
        ":refund_issued:the refund",
    ),
    Likeness(
        "Apple: a reversal has no id. Told after its refund it is named after its own time; told before, after the "
        "refund that it turns out to have taken back.",
        re.compile(r":refund_reversed:\d+$"),
        ":refund_reversed:the reversal",
    ),
)


TAKEN_BACK = (
    "Apple: a reversal that comes before its refund and before the sale tells of a sum that nobody has named yet. The "
    "price is taken, marked as estimated, for what came back and later for what had gone: together nothing, as it is."
)
_APPLE_BACK = re.compile(r"(\d+):refund_(?:issued|reversed):")


def essences(facts: Iterable[Fact]) -> Counter[Fact]:
    """Facts in words that the order of arrival does not touch, counted."""
    found = [_in_like_words(fact) for fact in facts]
    moved = {(fact.key.partition(":")[0], fact.name, fact.revenue) for fact in found}
    return Counter(fact._replace(revenue=Decimal(0)) if _is_taken_back(fact, moved) else fact for fact in found)


def _in_like_words(fact: Fact) -> Fact:
    text = f"{fact.name} {fact.key}"
    for likeness in LIKENESSES:
        text = likeness.pattern.sub(likeness.instead, text)
    name, _, key = text.partition(" ")
    return fact._replace(name=name, key=key)


def _is_taken_back(fact: Fact, moved: Collection[tuple[str, str, Decimal | None]]) -> bool:
    """Whether it is one of a pair of Apple's that comes to nothing: see `TAKEN_BACK`."""
    match = _APPLE_BACK.match(fact.key)
    if not match or fact.revenue is None:
        return False
    return {(match[1], "refund_issued", -abs(fact.revenue)), (match[1], "refund_reversed", abs(fact.revenue))} <= set(
        moved
    )
