"""Which invoice is the first money after a trial.

The invoice itself reads exactly like a renewal's. So memory decides: the trial's end, as the subscription's own
notifications stated it, held against the period that the invoice bills, and which invoice began the paid life.
"""

from dataclasses import dataclass

from bridge.sources.base import Memory
from bridge.sources.stripe.common import Context
from bridge.sources.stripe.lines import is_subscription_line
from bridge.values.reader import Reader

# When a trial is cut short, its end and the first paid period begin within one request of each other.
SAME_MOMENT_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Period:
    """What a paid invoice is for: see `covers` and `zero_because` of its facts."""

    subscription: str | None
    sale: str
    covers: str
    zero_because: str | None


def follows_trial(context: Context, invoice: Reader, period: Period) -> str | None:
    """`yes`, `no`, or `unknown` when nobody ever told of the subscription itself; None where no period is paid.

    Remembers which invoice began the paid life, so that only one ever does.
    """
    if period.subscription is None or period.zero_because in ("free", "nothing_due"):
        return None
    memory = context.memory
    if period.covers == "first_period":
        memory.remember(period.subscription, started_by=period.sale)
        return "no"
    if period.covers not in ("period", "change"):
        return None
    verdict = _verdict(context, invoice, period.subscription, period.sale)
    if verdict == "yes":
        memory.remember(period.subscription, started_by=period.sale)
    return verdict


def _verdict(context: Context, invoice: Reader, subscription: str, sale: str) -> str:
    known = context.memory.recall(subscription)
    started_by = known.get("started_by")
    if started_by is not None:
        return "yes" if started_by == sale else "no"
    if "seen" not in known and not _told_by_api(context, subscription):
        return "unknown"
    # A first invoice that failed leaves the first money to the next one.
    first = begins_after_trial(context.memory, invoice, subscription) or "first_period_unpaid" in known
    return "yes" if first else "no"


def _told_by_api(context: Context, subscription: str) -> bool:
    """Whether Stripe's API knows the subscription; then its trial's end is remembered as if a webhook had told."""
    told = context.answer("subscription", subscription)
    if told:
        context.memory.remember(subscription, seen=context.created, trial_end=told.integer("trial_end"))
    return bool(told)


def begins_after_trial(memory: Memory, invoice: Reader, subscription: str) -> bool:
    """Whether the billed period begins where the trial ends, or earlier: a paid period inside a trial cuts it short."""
    trial_end = memory.recall(subscription).get("trial_end")
    starts = [line.integer("period.start") for line in invoice.children("lines") if is_subscription_line(line)]
    begun = [start for start in starts if start is not None]
    return isinstance(trial_end, int) and bool(begun) and max(begun) <= trial_end + SAME_MOMENT_SECONDS
