"""Which rule is taken, and what is told about it."""

from decimal import Decimal
from pathlib import Path

import pytest
from mapping_examples import HEAD, RULES, facts, loaded, sent

from bridge.mapping import PassedOver
from bridge.values.records import Document, Outcome


def test_the_first_rule_that_fits_wins(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)
    assert mapping.apply(facts()).rule == "paid start"
    assert mapping.apply(facts(subscription={"id": "sub_1", "status": "past_due"})).rule == "other invoice"


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"changed": True}, Outcome.MAPPED),
        ({"changed": False}, Outcome.UNMAPPED),
        ({"changed": 1}, Outcome.UNMAPPED),  # a boolean is no number
        ({"changed": None}, Outcome.UNMAPPED),
    ],
)
def test_a_value_has_to_be_equal_and_of_the_same_kind(tmp_path: Path, changed: Document, outcome: Outcome) -> None:
    assert loaded(tmp_path).apply(facts(type="customer.subscription.updated", **changed)).outcome is outcome


@pytest.mark.parametrize("subscription", [None, "sub_1", [], {}, {"status": None}, {"status": {"active": True}}])
def test_an_absent_path_does_not_fit(tmp_path: Path, subscription: object) -> None:
    assert loaded(tmp_path).apply(facts(subscription=subscription)).rule == "other invoice"


def test_each_word_of_a_list_will_do(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)
    taken = [
        mapping.apply(facts(subscription={"status": status})).rule for status in ("active", "trialing", "past_due")
    ]
    assert taken == ["paid start", "paid start", "other invoice"]


def test_a_rule_without_conditions_takes_the_rest(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, stripe=HEAD + RULES + '\n[[rule]]\nname = "rest"\nignore = "nothing about revenue"\n')
    for kind in ("never.heard.of", 17, ["invoice.paid"], {"a": 1}, None):
        finding = mapping.apply(facts(type=kind))
        assert (finding.outcome, finding.rule, finding.reason) == (Outcome.IGNORED, "rest", "nothing about revenue")
    assert mapping.apply(facts(type="customer.subscription.updated", changed=False)).rule == "rest"
    assert mapping.apply(facts(type="customer.subscription.updated", changed=True)).rule == "plan"


@pytest.mark.parametrize(
    ("attempts", "fits"),
    [
        (3, True),
        (Decimal("3.0"), True),
        (4, True),
        (5, False),
        ("3", False),
        (True, False),
        (Decimal("sNaN"), False),
    ],
)
def test_numbers_are_compared_as_numbers(tmp_path: Path, attempts: object, fits: bool) -> None:
    often = '\n[[rule]]\nname = "often"\nwhen = { attempts = [3, 4] }\nignore = "tried often"\n'
    finding = loaded(tmp_path, stripe=HEAD + often + RULES).apply(facts(attempts=attempts))
    assert (finding.rule == "often") is fits


def test_a_rule_that_is_not_enabled_is_not_taken(tmp_path: Path) -> None:
    text = HEAD + RULES.replace('name = "paid start"', 'name = "paid start"\nenabled = false')
    assert loaded(tmp_path, stripe=text).apply(facts()).rule == "other invoice"


def test_ignored_says_why(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(subscription={"status": "past_due"}))
    assert (finding.outcome, finding.events) == (Outcome.IGNORED, ())
    assert finding.reason == "no subscription that is running"


def test_unmapped_names_the_type(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(type="coupon.created"))
    assert (finding.outcome, finding.rule) == (Outcome.UNMAPPED, "")
    assert finding.reason == "no rule for the type 'coupon.created'"


def test_hostile_text_reaches_no_reason_unescaped_or_whole(tmp_path: Path) -> None:
    reason = loaded(tmp_path).apply(facts(type="x\n\x1b[31mforged line" + "y" * 10_000)).reason
    assert reason.isprintable()
    assert len(reason) < 120


def test_an_event_that_is_off_says_where_to_switch_it_on(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(type="invoice.payment_failed"))
    assert (finding.outcome, finding.rule) == (Outcome.IGNORED, "billing")
    assert finding.reason == "billing_issue is off (taxonomy.toml: events.billing_issue.send)"


def test_a_finding_carries_its_facts(tmp_path: Path) -> None:
    document = facts()
    assert loaded(tmp_path).apply(document).facts == document


def test_explain_gives_the_rules_passed_over_and_why(tmp_path: Path) -> None:
    document = facts(
        type="customer.subscription.created", subscription={"id": "sub_1", "status": "trialing", "price_id": "p"}
    )
    explanation = loaded(tmp_path).explain(document)
    assert explanation.finding.rule == "trial"
    assert explanation.passed_over == [
        PassedOver("paid start", "type is 'customer.subscription.created', wanted 'invoice.paid'"),
        PassedOver("other invoice", "type is 'customer.subscription.created', wanted 'invoice.paid'"),
    ]


def test_explain_names_the_first_misfit_of_a_rule(tmp_path: Path) -> None:
    explanation = loaded(tmp_path).explain(facts(subscription=None))
    assert explanation.passed_over[0].reason == "subscription.status is absent, wanted one of 'active', 'trialing'"


def test_explain_without_any_rule_lists_all_of_them(tmp_path: Path) -> None:
    explanation = loaded(tmp_path).explain(facts(type="coupon.created"))
    assert explanation.finding.outcome is Outcome.UNMAPPED
    assert len(explanation.passed_over) == 6
    assert explanation.origins == {}


def test_explain_tells_where_each_part_came_from(tmp_path: Path) -> None:
    explanation = loaded(tmp_path).explain(facts())
    assert explanation.user_origin == "metadata.user_id"
    assert list(explanation.looked_at) == [("client_reference_id", "absent"), ("metadata.user_id", "taken")]
    assert explanation.origins["plan_id"] == "subscription.price_id"
    assert explanation.origins["revenue"] == "money.amount"
    assert explanation.origins.keys() == sent(explanation.finding)["properties"].keys()


def test_explain_and_apply_agree(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)
    for document in (facts(), facts(type="refund.created"), facts(money=None), facts(type="invoice.payment_failed")):
        assert mapping.explain(document).finding == mapping.apply(document)
