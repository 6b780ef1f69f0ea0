"""Amounts: exact, signed in one place, never made up."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping_examples import HEAD, RULES, facts, loaded, only_event, sent

from bridge.values.records import Document, Outcome

REFUND = "refund.created"
TRIAL = {"type": "customer.subscription.created", "subscription": {"id": "s", "status": "trialing", "price_id": "p"}}


def money(**parts: Any) -> Document:
    return {"amount": Decimal("49.90"), "currency": "EUR", **parts}


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("49.90"), b"49.90"),
        (Decimal("5.125"), b"5.125"),  # dinars have three decimals
        (Decimal(1500), b"1500"),  # yen have none
        (1500, b"1500"),
        (Decimal("1.5E+3"), b"1500"),
        (Decimal("0.00"), b"0.00"),
        (Decimal("-0.00"), b"0.00"),
        (Decimal("12345678901234567890.123456789"), b"12345678901234567890.123456789"),
    ],
)
def test_amounts_are_written_digit_for_digit(tmp_path: Path, amount: Decimal | int, written: bytes) -> None:
    body = only_event(loaded(tmp_path).apply(facts(money=money(amount=amount)))).body
    assert b'"revenue":' + written + b"," in body


def test_a_refund_is_negative_and_states_the_sum_it_gives_back(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(type=REFUND, money=money(tax=Decimal("7.97"), net=Decimal("41.93"))))
    properties = sent(finding)["properties"]
    assert only_event(finding).revenue == Decimal("-49.90")
    assert (properties["revenue"], properties["refund_amount"]) == (Decimal("-49.90"), Decimal("49.90"))
    assert properties["revenue"] == properties["tax"] + properties["net_revenue"]


def test_a_refund_of_nothing_has_no_sign(tmp_path: Path) -> None:
    body = only_event(loaded(tmp_path).apply(facts(type=REFUND, money=money(amount=Decimal("0.00"))))).body
    assert b'"revenue":0.00,' in body


def test_what_is_stated_beside_the_amount_goes_along(tmp_path: Path) -> None:
    stated = money(basis="estimated", source="order.total", tax=Decimal("7.97"), net=Decimal("41.93"))
    properties = sent(loaded(tmp_path).apply(facts(money=stated)))["properties"]
    assert (properties["revenue_basis"], properties["revenue_source"]) == ("estimated", "order.total")
    assert (properties["tax"], properties["net_revenue"]) == (Decimal("7.97"), Decimal("41.93"))
    assert "refund_amount" not in properties


def test_an_event_without_money_sends_none_even_if_the_facts_have_it(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(**TRIAL))
    assert only_event(finding).revenue is None
    assert only_event(finding).currency is None
    assert not {"revenue", "currency", "tax"} & sent(finding)["properties"].keys()


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (None, "subscription_started needs revenue, and the facts have nothing at money"),
        ({}, "subscription_started needs revenue, and the facts have nothing at money"),
        ({"currency": "EUR"}, "subscription_started needs revenue, and the facts have nothing at money"),
        (money(amount=Decimal(-1)), "money.amount: is negative (-1); facts state sums without a sign"),
        (money(amount="49.90"), "money.amount: expected a number, found '49.90'"),
        (money(amount=True), "money.amount: expected a number, found true"),
        (money(amount=Decimal("NaN")), "money.amount: expected a number of moderate length"),
        (money(amount=Decimal("Infinity")), "money.amount: expected a number of moderate length"),
        (money(amount=Decimal("1E+400")), "money.amount: expected a number of moderate length"),
        (money(tax=Decimal(-1)), "money.tax: is negative (-1); facts state sums without a sign"),
        (money(currency=None), "money.currency: expected a three-letter code in upper case, found absent"),
        (money(currency="eur"), "money.currency: expected a three-letter code in upper case, found 'eur'"),
        (money(currency="EUR\n"), "money.currency: expected a three-letter code in upper case, found 'EUR\\n'"),
        ([49.90], "money: expected a document, found a list"),
    ],
)
def test_money_that_cannot_be_right_fails_by_its_field(tmp_path: Path, stated: object, reason: str) -> None:
    finding = loaded(tmp_path).apply(facts(money=stated))
    assert (finding.outcome, finding.reason, finding.events) == (Outcome.FAILED, reason, ())


def test_an_unknown_amount_is_absent_where_a_rule_allows_it(tmp_path: Path) -> None:
    rule = RULES.replace(
        'emit = "subscription_started"', 'emit = "subscription_started"\nwithout = ["revenue", "currency"]'
    )
    finding = loaded(tmp_path, stripe=HEAD + rule).apply(facts(money=None))
    assert not {"revenue", "currency"} & sent(finding)["properties"].keys()
    assert only_event(finding).revenue is None


def test_a_rule_may_name_another_sum(tmp_path: Path) -> None:
    rule = RULES.replace('emit = "subscription_started"', 'emit = "subscription_started"\nmoney = "fee"')
    mapping = loaded(tmp_path, stripe=HEAD + rule)
    assert only_event(mapping.apply(facts(fee=money(amount=Decimal(3))))).revenue == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(amount=st.decimals(min_value=0, max_value=10**12, places=3), refunded=st.booleans())
def test_every_amount_arrives_exactly(tmp_path: Path, amount: Decimal, refunded: bool) -> None:
    finding = loaded(tmp_path).apply(facts(type=REFUND if refunded else "invoice.paid", money=money(amount=amount)))
    revenue = sent(finding)["properties"]["revenue"]
    assert revenue == (-amount if refunded else amount) == only_event(finding).revenue
