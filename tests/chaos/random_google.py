"""A random subscription at Google Play: what Google publishes of it, and what the Play API shows at its end."""

import random
from decimal import Decimal

from bridge.standins.google_life import EXPIRED, IN_GRACE_PERIOD, REVOKED, Plan
from bridge.standins.google_life import Life as Purchase
from bridge.stories.google_book import PACKAGE, Book
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS

from .lives import Life, numbered, webhook

PLANS = (
    Plan("pro", "monthly", Decimal("29.00"), "USD", trial_ms=14 * DAY_MS, offer_id="two-weeks-free"),
    Plan("pro", "monthly", Decimal("29.00"), "USD"),
    Plan("team", "monthly", Decimal("99.00"), "EUR", tax=Decimal("15.81")),
)


def google_life(rng: random.Random, number: int, start_ms: int) -> Life:
    """The life of customer `number`, beginning at epoch millisecond `start_ms`."""
    book = Book(start_ms)
    rename = numbered("google", number)
    told = _Told(rng, book).whole()
    book.show()
    webhooks = [webhook("google", rename(jsontext.dumps(one).decode())) for one in told]
    return Life("google", webhooks, rename, book.scenes)


class _Told:
    """Grows step by step, by the clock of the book."""

    def __init__(self, rng: random.Random, book: Book) -> None:
        self._rng = rng
        self._book = book
        plan = rng.choice(PLANS)
        self._purchase = Purchase(book.play, PACKAGE, "token-random", plan, account="user_1")
        self._told: list[Document] = []

    def whole(self) -> list[Document]:
        """All of it, in the order of happening."""
        self._told.append(self._purchase.buy())
        self._book.clock.advance(self._purchase.plan.trial_ms or self._purchase.plan.period_ms)
        for _ in range(self._rng.randint(1, 4)):
            self._rng.choice((self._renew, self._renew, self._renew_late, self._part_back))()
        self._rng.choice((self._leave, self._revoke))()
        return self._told

    def _renew(self) -> None:
        self._told.append(self._purchase.renew())
        self._book.clock.advance(self._purchase.plan.period_ms)

    def _renew_late(self) -> None:
        self._told.append(self._purchase.decline(IN_GRACE_PERIOD, self._book.clock() + 3 * DAY_MS))
        self._book.clock.advance(DAY_MS)
        self._renew()

    def _part_back(self) -> None:
        self._renew()
        self._purchase.refund(Decimal("5.00"))
        self._book.clock.advance(HOUR_MS)

    def _leave(self) -> None:
        self._told.append(self._purchase.cancel())
        self._book.clock.advance(DAY_MS)
        self._told.append(self._purchase.end(number=EXPIRED))

    def _revoke(self) -> None:
        self._purchase.refund()
        self._told += [self._purchase.end(number=REVOKED), self._purchase.void()]
