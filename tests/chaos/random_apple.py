"""A random subscription in the App Store, and all that Apple tells of it."""

import random

from bridge.stories.apple_subscriber import MONTH_MS, Plan, Subscriber
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, SECOND_MS

from .lives import Life, as_told, webhook

TRIAL_MS = 14 * DAY_MS
PLANS = (Plan("com.example.app.pro.monthly", 29_000), Plan("com.example.app.team.monthly", 84_000))


def apple_life(rng: random.Random, number: int, start_ms: int) -> Life:
    """The life of customer `number`, beginning at epoch millisecond `start_ms`."""
    who = Subscriber(2_000_003_000_000_001 + 1_000 * number, None, start_ms)
    told = _Told(rng, who).whole()
    return Life("apple", [webhook("apple", jsontext.dumps(one).decode()) for one in told], as_told)


class _Told:
    """Grows step by step: `at_ms` is when the period in hand began, `transaction` is what was charged for it."""

    def __init__(self, rng: random.Random, who: Subscriber) -> None:
        self._rng = rng
        self._who = who
        self._plan = rng.choice(PLANS)
        self._at_ms = who.start_ms
        trial = rng.random() < 0.5
        self._transaction = who.trial(self._plan, TRIAL_MS) if trial else who.transaction(0, self._plan, self._at_ms)
        self._told: list[Document] = []

    def whole(self) -> list[Document]:
        """All of it, in the order of happening."""
        self._tell("SUBSCRIBED", self._at_ms, "INITIAL_BUY")
        for number in range(1, self._rng.randint(2, 5)):
            self._renew(number)
            self._rng.choice((self._refund, self._refund_and_take_it_back, lambda: None, lambda: None))()
        off = self._who.renewal(self._plan, self._transaction, on=False)
        self._tell("DID_CHANGE_RENEWAL_STATUS", self._at_ms + 9 * DAY_MS, "AUTO_RENEW_DISABLED", renewal=off)
        self._tell("EXPIRED", self._at_ms + MONTH_MS, "VOLUNTARY", renewal=off, status=2)
        return self._told

    def _renew(self, number: int) -> None:
        self._at_ms = self._transaction["expiresDate"]
        self._transaction = self._who.transaction(number, self._plan, self._at_ms)
        self._tell("DID_RENEW", self._at_ms - HOUR_MS)

    def _refund(self) -> None:
        at_ms = self._at_ms + 3 * DAY_MS
        share = self._rng.choice((100_000, 40_000))
        back = {"revocationDate": at_ms, "revocationReason": 0, "revocationPercentage": share}
        kind = "REFUND_FULL" if share == 100_000 else "REFUND_PRORATED"
        self._tell("REFUND", at_ms, transaction=self._transaction | back | {"revocationType": kind})

    def _refund_and_take_it_back(self) -> None:
        self._refund()
        self._tell("REFUND_REVERSED", self._at_ms + 5 * DAY_MS)

    def _tell(self, kind: str, at_ms: int, subtype: str | None = None, **about: object) -> None:
        transaction = about.pop("transaction", self._transaction)
        renewal = about.pop("renewal", self._who.renewal(self._plan, self._transaction))
        self._told.append(
            self._who.notify(kind, at_ms + SECOND_MS, transaction, subtype=subtype, renewal=renewal, **about)  # type: ignore[arg-type]  # documents
        )
