"""The life story of a small app on Google Play, for `bridge demo`: the same subscribers as in Stripe's story.

The story says itself what each notification does to the money, from what the customers were charged; nothing here asks
the bridge. Notifications arrive as they do from Google: some twice, some before the one that should have come first,
and money that is given back in silence has none at all.
"""

from dataclasses import dataclass
from decimal import Decimal

from bridge.standins.google_life import EXPIRED, REVOKED, Life, Plan
from bridge.standins.google_play import money
from bridge.stories.google_book import PACKAGE, Book, Scene
from bridge.stories.story import Delivery, Story
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, iso

DEFERRED = 9
MONTH_MS = 30 * DAY_MS
TRIAL_MS = 14 * DAY_MS
PRO = Plan("pro", "monthly", Decimal("29.00"), "USD", trial_ms=TRIAL_MS, offer_id="two-weeks-free")
TEAM = Plan("team", "monthly", Decimal("99.00"), "USD")
PRO_YEN = Plan("pro", "monthly", Decimal(1980), "JPY", tax=Decimal(180))
TEMPLATE_ORDER = "GPA.3311-0000-0000-00001"


@dataclass(frozen=True, slots=True)
class _Told:
    """A delivery, and when it arrives (epoch milliseconds); the time it was made at, unless it is late."""

    delivery: Delivery
    arrives_ms: int


def life(start_ms: int) -> Story:
    """The story, beginning at epoch milliseconds `start_ms`; it takes 134 days."""
    return _written(start_ms)[0]


def scenes(start_ms: int) -> tuple[Scene, ...]:
    """What the Play Developer API shows while the story is told, in order of time."""
    return _written(start_ms)[1]


def _written(start_ms: int) -> tuple[Story, tuple[Scene, ...]]:
    book = Book(start_ms)
    ada = Life(book.play, PACKAGE, "token-ada-1", PRO, country="US", account="user_4182")
    team = Life(book.play, PACKAGE, "token-ada-2", TEAM, country="US", account="user_4182")
    bo = Life(book.play, PACKAGE, "token-bo", PRO_YEN, country="JP")
    told = [
        *_first_month(book, start_ms, ada, bo),
        *_second_month(book, start_ms, ada, team, bo),
        *_third_month(book, start_ms, team, bo),
        *_end(book, start_ms, team, bo),
    ]
    told.sort(key=lambda one: one.arrives_ms)
    return Story(tuple(one.delivery for one in told)), tuple(book.scenes)


def _first_month(book: Book, start_ms: int, ada: Life, bo: Life) -> list[_Told]:
    trial = book.tell("user_4182 begins 14 free days of Pro", ada.buy(), repeats=2)
    book.clock.now_ms = start_ms + DAY_MS
    first = book.tell(
        "Bo subscribes in Japan; the app gave no account id, ¥1,980 are charged",
        bo.buy(),
        money="1980",
        currency="JPY",
    )
    book.clock.now_ms = start_ms + TRIAL_MS + HOUR_MS
    paid = book.tell("The first month is paid: the trial has converted", ada.renew(), repeats=3, money="29.00")
    book.clock.now_ms = start_ms + 31 * DAY_MS
    second = book.tell("A second month of yen", bo.renew(), money="1980", currency="JPY")
    return [*map(_at_once, (trial, first, paid, second))]


def _second_month(book: Book, start_ms: int, ada: Life, team: Life, bo: Life) -> list[_Told]:
    book.clock.now_ms = start_ms + 41 * DAY_MS
    bo.refund()
    void = book.tell("The bank takes it back: a chargeback", bo.void(), repeats=2, money="-1980", currency="JPY")
    book.clock.now_ms = start_ms + 44 * DAY_MS + HOUR_MS
    renewed = book.tell("Pro renews", ada.renew(), repeats=2, money="29.00")
    book.clock.now_ms = start_ms + 50 * DAY_MS
    bought = team.buy(replaced=ada)
    _prorated(book, team, "56.00")
    upgraded = book.tell(
        "An upgrade: $79.20 for the rest of Team less $23.20 for the rest of Pro", bought, repeats=2, money="56.00"
    )
    old = book.tell("The purchase of Pro ends, and nobody has left", ada.notice(EXPIRED))
    return [*map(_at_once, (void, renewed, upgraded, old))]


def _third_month(book: Book, start_ms: int, team: Life, bo: Life) -> list[_Told]:
    book.clock.now_ms = start_ms + 60 * DAY_MS
    template = book.tell("user_6001 buys a template once", _template(book), money="12.00")
    book.clock.now_ms = start_ms + 61 * DAY_MS
    third = book.tell("A third month of yen", bo.renew(), money="1980", currency="JPY")
    book.clock.now_ms = start_ms + 74 * DAY_MS + HOUR_MS
    renewed = book.tell("Team renews", team.renew(), money="99.00")
    book.clock.now_ms = start_ms + 76 * DAY_MS
    team.refund(Decimal("30.00"))
    book.show()
    book.clock.now_ms = start_ms + 77 * DAY_MS
    moved = book.tell(
        "A day as a present. Google has not told that $30 were given back: the order shows it",
        team.notice(DEFERRED),
        given_back="30.00",
    )
    return [*map(_at_once, (template, third, renewed, moved))]


def _end(book: Book, start_ms: int, team: Life, bo: Life) -> list[_Told]:
    book.clock.now_ms = start_ms + 91 * DAY_MS
    gone = book.tell("Bo leaves", bo.end({"userInitiatedCancellation": {}}, REVOKED))
    book.clock.now_ms = start_ms + 104 * DAY_MS + HOUR_MS
    renewed = book.tell("The notification of that month comes late, and moves nothing any more", team.renew())
    book.clock.now_ms = start_ms + 109 * DAY_MS
    cancelled = book.tell(
        "user_4182 switches renewal off; that Team had renewed before has not been told yet",
        team.cancel(),
        money="99.00",
    )
    book.clock.now_ms = start_ms + 134 * DAY_MS
    ended = book.tell("The paid time is over", team.end(), repeats=2)
    return [_at_once(gone), _Told(renewed, start_ms + 110 * DAY_MS), _at_once(cancelled), _at_once(ended)]


def _at_once(delivery: Delivery) -> _Told:
    return _Told(delivery, delivery.at_ms)


def _prorated(book: Book, who: Life, total: str) -> None:
    """A change of plan is charged for the rest of the period."""
    order = book.play.orders[PACKAGE, who.orders[-1]]
    item = order["lineItems"][0]
    order["total"] = item["total"] = money(Decimal(total), who.plan.currency)
    item["subscriptionDetails"]["offerPhaseDetails"] = {"prorationPeriodDetails": {}}


def _template(book: Book) -> Document:
    """A one-time product: its purchase, its order, and the notification."""
    now, price = iso(book.clock()), money(Decimal("12.00"), "USD")
    book.play.one_time_purchases[PACKAGE, "token-template"] = {
        "orderId": TEMPLATE_ORDER,
        "obfuscatedExternalAccountId": "user_6001",
        "productLineItem": [{"productId": "template"}],
        "purchaseStateContext": {"purchaseState": "PURCHASED"},
        "purchaseCompletionTime": now,
        "regionCode": "US",
    }
    order = {
        "orderId": TEMPLATE_ORDER,
        "purchaseToken": "token-template",
        "state": "PROCESSED",
        "createTime": now,
        "total": price,
        "lineItems": [{"productId": "template", "total": price}],
        "orderHistory": {"processedEvent": {"eventTime": now}},
    }
    book.play.put_order(PACKAGE, order)
    about = {"version": "1.0", "notificationType": 1, "purchaseToken": "token-template", "sku": "template"}
    moment = str(book.clock())
    return {
        "version": "1.0",
        "packageName": PACKAGE,
        "eventTimeMillis": moment,
        "oneTimeProductNotification": about,
    }
