"""Which orders of a subscription a notification has to tell of.

The Play Developer API shows a subscription as it is now, while notifications come late, out of order, or not at all.
An order is told of whichever notification leads to it first; its id is its key, so that it counts once.
"""

from dataclasses import dataclass

from bridge.sources.google.common import CLOCKS_DIFFER_MS, Context
from bridge.sources.google.orders import FIRST, Order, join_id

STEP = 20  # orders asked for at once on the way back
MAX_BACK = 300  # orders; a weekly plan has 52 a year


@dataclass(frozen=True, slots=True)
class Series:
    """A first order and its renewals, by number, as far as they were looked at. `told` are those to tell of, `known`
    is the highest one that the ledger has been told of before."""

    base: str
    orders: dict[int, Order]
    told: tuple[int, ...]
    known: int | None

    def before(self, number: int) -> Order | None:
        """The order before one."""
        return self.orders.get(number - 1)

    @property
    def newest(self) -> Order | None:
        """The newest one that Google knows."""
        return self.orders[max(self.orders)] if self.orders else None

    def at(self, at_ms: int) -> Order | None:
        """The order that was the newest at a time; the oldest one looked at when all are later."""
        known = [self.orders[number] for number in sorted(self.orders)]
        return next((order for order in reversed(known) if not is_later(order, at_ms)), known[0] if known else None)


def is_later(order: Order, at_ms: int) -> bool:
    """Whether an order was paid after a time."""
    return order.at_ms > at_ms + CLOCKS_DIFFER_MS


def look_back(context: Context, base: str, newest: int, known: int | None, *, tells_of_money: bool) -> Series:
    """Look at a series from its newest order back. `known`: see Series.

    What lies between that and the newest one was missed, and is told of. A notification that tells of money also tells
    of the order of its own time, and of all since. Where the ledger knows nothing yet, what was paid before the bridge
    began stays untold. Raises NeedsAnswer.
    """
    floor = max(newest - MAX_BACK, FIRST)
    first = max(floor, known + 1) if known is not None else newest if tells_of_money else newest + 1
    first = min(first, newest) if tells_of_money else first
    orders = _load(context, base, min(first, newest) - 1, newest)
    while tells_of_money and first > floor and _is_later_at(orders, first, context.at_ms):
        first -= 1
        if first - 1 not in orders and first > FIRST:
            orders = _load(context, base, max(first - STEP, FIRST), first - 1) | orders
    return Series(base, orders, tuple(number for number in sorted(orders) if number >= first), known)


def _is_later_at(orders: dict[int, Order], number: int, at_ms: int) -> bool:
    order = orders.get(number)
    return order is not None and is_later(order, at_ms)


def _load(context: Context, base: str, low: int, high: int) -> dict[int, Order]:
    ids = {join_id(base, number): number for number in range(max(low, FIRST), high + 1)}
    return {ids[order_id]: order for order_id, order in context.orders(ids).items() if order_id in ids}
