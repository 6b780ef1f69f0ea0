"""A subscription's life in the stand-in Google, seen through the bridge's client: what a story can rely on."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from google_rig import NOW_MS, PACKAGE, Rig, Stage, push, rig, signer, stage, token

from bridge.sources.google.api import PlayApi
from bridge.sources.google.credentials import AccessToken, load_credentials
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.google_life import EXPIRED, IN_GRACE_PERIOD, ON_HOLD, RECOVERED, REVOKED, Life, Plan
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import DAY_MS, iso

PLAN = Plan("pro", "monthly", Decimal("16.99"), "EUR", tax=Decimal("2.71"))
TRIAL = replace(PLAN, trial_ms=7 * DAY_MS, offer_id="free-week")


class World:
    """A stand-in Google, the bridge's client, and one life."""

    def __init__(self, stage: Stage, folder: Path, plan: Plan) -> None:
        self.clock = MovableClock(NOW_MS)
        self.standin = stage.standin = GoogleStandin(signer(), self.clock)
        file = folder / "key.json"
        file.write_bytes(jsontext.dumps(self.standin.service_account(stage.url)))
        self.api = PlayApi(AccessToken(load_credentials(file), self.clock), url=stage.url, clock=self.clock)
        self.life = Life(self.standin.play, PACKAGE, "token-1", plan, account="user-1")

    def subscription(self) -> Document:
        """What Google says of the subscription now."""
        found = self.api.subscription(PACKAGE, "token-1")
        assert found
        return found

    def item(self) -> Document:
        """Its only line item."""
        (item,) = self.subscription()["lineItems"]
        assert isinstance(item, dict)
        return item

    def order(self, place: int = -1) -> Document:
        """What Google says of one of its paid orders now."""
        found = self.api.order(PACKAGE, self.life.orders[place])
        assert found
        return found


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def world(on_stage: Stage, tmp_path: Path) -> Iterator[World]:
    world = World(on_stage, tmp_path, TRIAL)
    yield world
    world.api.close()


def number(notification: Document) -> int:
    part = notification["subscriptionNotification"]
    assert part["purchaseToken"] == "token-1"
    return int(part["notificationType"])


def test_a_trial_has_an_order_of_nothing_and_its_renewal_the_next_suffix(world: World) -> None:
    assert number(world.life.buy()) == 4
    base = world.life.orders[0]
    assert world.order()["total"] == {"currencyCode": "EUR"}
    assert world.order()["lineItems"][0]["subscriptionDetails"]["offerPhaseDetails"] == {"freeTrialDetails": {}}
    assert world.item()["offerPhase"] == {"freeTrial": {}}
    assert world.subscription()["externalAccountIdentifiers"] == {"obfuscatedExternalAccountId": "user-1"}

    world.clock.advance(7 * DAY_MS)
    assert number(world.life.renew()) == 2
    assert world.life.orders == [base, f"{base}..0"]
    assert world.item()["latestSuccessfulOrderId"] == f"{base}..0"
    assert world.item()["expiryTime"] == iso(NOW_MS + 37 * DAY_MS)
    assert world.order()["total"] == {"currencyCode": "EUR", "units": "16", "nanos": 990_000_000}


def test_a_declined_renewal_names_an_order_that_nobody_paid(world: World) -> None:
    world.life.buy()
    base = world.life.orders[0]
    assert number(world.life.decline(IN_GRACE_PERIOD, NOW_MS + DAY_MS)) == 6
    assert world.subscription()["subscriptionState"] == "SUBSCRIPTION_STATE_IN_GRACE_PERIOD"
    assert world.subscription()["latestOrderId"] == f"{base}..0"
    assert world.item()["latestSuccessfulOrderId"] == base
    pending = world.api.order(PACKAGE, f"{base}..0")
    assert pending
    assert pending["state"] == "PENDING"

    assert number(world.life.decline(ON_HOLD, NOW_MS)) == 5
    assert number(world.life.renew(RECOVERED)) == 1
    assert world.order()["state"] == "PROCESSED"
    assert world.life.orders[-1] == f"{base}..0"


def test_cancel_restart_cancel_expire(world: World) -> None:
    world.life.buy()
    world.life.cancel()
    assert "userInitiatedCancellation" in world.subscription()["canceledStateContext"]
    assert "autoRenewEnabled" not in world.item()["autoRenewingPlan"]
    world.life.restart()
    assert "canceledStateContext" not in world.subscription()
    assert world.item()["autoRenewingPlan"]["autoRenewEnabled"] is True
    world.life.cancel("systemInitiatedCancellation")
    assert number(world.life.end()) == EXPIRED
    assert world.subscription()["subscriptionState"] == "SUBSCRIPTION_STATE_EXPIRED"


def test_refunds_in_parts_and_whole_stand_in_the_order(world: World) -> None:
    world.life.buy()
    world.life.renew()
    world.life.refund(Decimal("5.00"))
    assert world.order()["state"] == "PARTIALLY_REFUNDED"
    (part,) = world.order()["orderHistory"]["partialRefundEvents"]
    assert part["refundDetails"]["total"] == {"currencyCode": "EUR", "units": "5"}
    assert part["refundDetails"]["tax"] == {"currencyCode": "EUR", "nanos": 800_000_000}

    world.life.refund()
    assert number(world.life.end(number=REVOKED)) == 12
    void = world.life.void()["voidedPurchaseNotification"]
    assert void == {"purchaseToken": "token-1", "orderId": world.life.orders[-1], "productType": 1, "refundType": 1}
    assert world.order()["orderHistory"]["refundEvent"]["refundDetails"]["total"] == world.order()["total"]
    (listed,) = world.api.voided_purchases(PACKAGE, NOW_MS, NOW_MS)
    assert listed["orderId"] == world.life.orders[-1]


def test_a_plan_change_is_a_new_token_that_ends_the_old_one(world: World) -> None:
    world.life.buy()
    yearly = replace(PLAN, base_plan_id="yearly", price=Decimal(150))
    successor = Life(world.standin.play, PACKAGE, "token-2", yearly, is_test=True)
    successor.buy(replaced=world.life)

    assert world.subscription()["canceledStateContext"] == {"replacementCancellation": {}}
    found = world.api.subscription(PACKAGE, "token-2")
    assert found
    assert (found["linkedPurchaseToken"], found["testPurchase"]) == ("token-1", {})


def test_its_notifications_are_taken_by_the_bridge(on_stage: Stage, tmp_path: Path) -> None:
    with rig(on_stage, tmp_path) as bridge:
        assert _story(bridge) == ["SUBSCRIPTION_PURCHASED", "SUBSCRIPTION_RENEWED", "voidedPurchaseNotification"]


def _story(bridge: Rig) -> list[str]:
    life = Life(bridge.standin.play, PACKAGE, "token-1", TRIAL)
    for step in (life.buy, life.renew, life.void):
        bridge.clock.advance(DAY_MS)
        one = push(step(), str(bridge.clock()), token(bridge.clock()))
        assert bridge.post(one).status_code == 200
    return [kept.type for kept in bridge.kept()]
