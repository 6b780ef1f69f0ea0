"""What is sent: envelope, user, key, properties."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from mapping_examples import HEAD, RULES, TAXONOMY, facts, loaded, only_event, sent

from bridge.values.records import Document, Environment, Outcome

REFUND = {"type": "refund.created", "which": "re_1"}


def with_properties(lines: str) -> str:
    return HEAD.replace("[tables.reasons]", f"{lines}\n[tables.reasons]") + RULES


def test_the_whole_event(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts())
    assert only_event(finding).body == (
        b'{"event":"subscription_started","user_id":"user_42","timestamp":"2025-11-24T16:00:00Z","properties":'
        b'{"store":"stripe","environment":"production","transaction_id":"in_1","notification_id":"evt_1",'
        b'"notification_type":"invoice.paid","received_at":"2025-11-24T16:00:05.250Z","plan_id":"pro_monthly",'
        b'"country":"DE","revenue":49.90,"currency":"EUR","revenue_basis":"exact",'
        b'"revenue_source":"invoice.amount_paid"}}'
    )


def test_the_event_in_the_ledger_says_the_same_as_the_body(tmp_path: Path) -> None:
    event = only_event(loaded(tmp_path).apply(facts(environment="sandbox")))
    assert (event.name, event.key, event.environment) == ("subscription_started", "in_1", Environment.SANDBOX)
    assert event.occurred_at_ms == 1_764_000_000_000
    assert str(event.revenue) == "49.90"
    assert event.currency == "EUR"


@pytest.mark.parametrize("environment", ["unknown", "", "Production", None, 1, ["production"]])
def test_only_a_known_environment_is_sent_anywhere(tmp_path: Path, environment: object) -> None:
    finding = loaded(tmp_path).apply(facts(environment=environment))
    assert finding.outcome is Outcome.FAILED
    assert finding.reason.startswith("environment: expected production or sandbox, found ")


@pytest.mark.parametrize("at", [None, "2025-11-24", True, -1, 10**20])
def test_a_time_that_is_none_fails(tmp_path: Path, at: object) -> None:
    finding = loaded(tmp_path).apply(facts(occurred_at_ms=at))
    assert finding.outcome is Outcome.FAILED
    assert finding.reason.startswith("occurred_at_ms: expected ")


def test_a_rule_may_take_its_time_elsewhere(tmp_path: Path) -> None:
    rule = RULES.replace('emit = "plan_changed"', 'emit = "plan_changed"\ntimestamp = "subscription.cancel_at_ms"')
    document = facts(
        type="customer.subscription.updated", changed=True, subscription={"id": "sub_1", "cancel_at_ms": 1_000}
    )
    assert sent(loaded(tmp_path, stripe=HEAD + rule).apply(document))["timestamp"] == "1970-01-01T00:00:01Z"


# --- The user --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "user_id"),
    [
        ({"client_reference_id": "a", "metadata": {"user_id": "b"}, "previous": {"user_id": "c"}}, "a"),
        ({"metadata": {"user_id": "b"}, "previous": {"user_id": "c"}}, "b"),
        ({"metadata": None, "previous": {"user_id": "c"}}, "c"),
        ({"client_reference_id": "", "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "  ", "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": {"id": "a"}, "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "x" * 501, "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "undefined", "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "Unknown", "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "\ud800", "metadata": {"user_id": "b"}}, "b"),
        ({"client_reference_id": "Zoë 用户", "metadata": {"user_id": "b"}}, "Zoë 用户"),
    ],
)
def test_the_first_usable_id_is_the_user(tmp_path: Path, candidates: Document, user_id: str) -> None:
    envelope = sent(loaded(tmp_path).apply(facts(**candidates)))
    assert envelope["user_id"] == user_id
    assert "anonymous_id" not in envelope


def test_without_a_user_the_subscription_stands_in(tmp_path: Path) -> None:
    envelope = sent(loaded(tmp_path).apply(facts(metadata=None)))
    assert envelope["anonymous_id"] == "sub_1"
    assert "user_id" not in envelope


def test_both_ids_go_along_once_an_event_went_out_under_the_anonymous_one(tmp_path: Path) -> None:
    envelope = sent(loaded(tmp_path).apply(facts(previous={"anonymous_id": "sub_0"})))
    assert (envelope["user_id"], envelope["anonymous_id"]) == ("user_42", "sub_0")


def test_without_either_nothing_is_sent(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(metadata=None, subscription={"status": "active"}))
    assert finding.outcome is Outcome.FAILED
    assert finding.reason.startswith("no user and nothing to derive an anonymous id from")


def test_the_hashed_address_goes_along_only_when_switched_on(tmp_path: Path) -> None:
    hashed = hashlib.sha256(b"ada@example.com").hexdigest()
    document = facts(email_hash=hashed)
    assert "email_hash" not in sent(loaded(tmp_path).apply(document))["properties"]
    mapping = loaded(tmp_path, stripe=HEAD.replace("email_hash = false", "email_hash = true") + RULES)
    assert sent(mapping.apply(document))["properties"]["email_hash"] == hashed
    for other in ("ada@example.com", 17, None, hashed.upper()):
        assert "email_hash" not in sent(mapping.apply(facts(email_hash=other)))["properties"]


def test_explain_tells_a_placeholder_from_an_id_without_showing_either(tmp_path: Path) -> None:
    explanation = loaded(tmp_path).explain(facts(client_reference_id="undefined"))
    path, judged = explanation.looked_at[0]
    assert path == "client_reference_id"
    assert judged.startswith("there, but no id")


# --- The key ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({}, "in_1"),
        ({"which": "ignored for a sale"}, "in_1"),
        ({"key_prefix": "acct_1"}, "acct_1:in_1"),
        (REFUND, "in_1:refund_issued:re_1"),
        ({"type": "refund.created"}, "in_1:refund_issued"),
        ({**REFUND, "which": 7}, "in_1:refund_issued:7"),
        ({**REFUND, "key_prefix": "acct_1"}, "acct_1:in_1:refund_issued:re_1"),
        ({"type": "customer.subscription.updated", "changed": True, "transaction_id": None, "which": "p"},
         "sub_1:plan_changed:p"),
    ],
)  # fmt: skip
def test_the_key_names_the_fact(tmp_path: Path, more: Document, key: str) -> None:
    assert only_event(loaded(tmp_path).apply(facts(**more))).key == key


def test_the_same_fact_from_two_notifications_has_one_key(tmp_path: Path) -> None:
    mapping = loaded(tmp_path)
    first = mapping.apply(facts(**REFUND))
    again = mapping.apply(facts(**REFUND, notification_id="evt_2", received_at_ms=1_764_000_999_000))
    assert only_event(first).key == only_event(again).key


@pytest.mark.parametrize(
    "bad", ["in 1", "in_\n1", "in_é", "x" * 501, ["in_1"], True, 10**30, pytest.param(10**5000, id="huge")]
)
def test_a_key_that_no_header_can_carry_fails(tmp_path: Path, bad: object) -> None:
    assert loaded(tmp_path).apply(facts(transaction_id=bad)).outcome is Outcome.FAILED


def test_a_sale_without_a_transaction_fails(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(transaction_id=None))
    assert finding.outcome is Outcome.FAILED
    assert finding.reason == "nothing to make the key of subscription_started from: looked at transaction_id"


def test_a_rule_may_name_other_parts_of_its_key(tmp_path: Path) -> None:
    rule = RULES.replace('emit = "plan_changed"', 'emit = "plan_changed"\nkey = "subscription.id"\nwhich = "attempts"')
    document = facts(type="customer.subscription.updated", changed=True, attempts=3)
    assert only_event(loaded(tmp_path, stripe=HEAD + rule).apply(document)).key == "sub_1:plan_changed:3"


# --- Properties ------------------------------------------------------------------------------------------------------


def value_of(tmp_path: Path, field: str, document: Document) -> Any:
    mapping = loaded(tmp_path, stripe=with_properties(field))
    name = field.split(" =", maxsplit=1)[0]
    return sent(mapping.apply(document))["properties"].get(name)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ('reason = "metadata.why"', "usr"),
        ('reason = ["metadata.none", "metadata.why"]', "usr"),
        ('reason = { path = "metadata.why", convert = "upper" }', "USR"),
        ('reason = { path = "metadata.why", table = "reasons" }', "user"),
        ('reason = { path = "metadata.user_id", table = "reasons" }', None),
        ('reason = { path = "metadata.user_id", table = "reasons", else = "same" }', "user_42"),
        ('reason = { path = "metadata.none" }', None),
        ("reason = { value = true }", True),
        ('reason = { value = "fixed" }', "fixed"),
        ("quantity = { value = 3 }", 3),
        ('cancel_at = { path = "subscription.cancel_at_ms", convert = "iso_time" }', "2025-11-24T16:00:00Z"),
        ('price_ids = "subscription.price_ids"', ["price_1", "price_2"]),
        ("store = false", None),
        ('store = "metadata.why"', "usr"),
    ],
)
def test_where_a_property_comes_from(tmp_path: Path, field: str, value: object) -> None:
    subscription = {
        "id": "s",
        "status": "active",
        "cancel_at_ms": 1_764_000_000_000,
        "price_ids": ["price_1", "price_2"],
    }
    document = facts(metadata={"user_id": "user_42", "why": "usr"}, subscription=subscription)
    assert value_of(tmp_path, field, document) == value


@pytest.mark.parametrize(
    ("price", "product", "plan"),
    [
        ("price_1", "prod_1", "pro_monthly"),
        ("price_9", "prod_1", "pro"),  # the first that has an entry, not the first that is there
        ("price_9", "prod_9", "price_9"),
        (None, "prod_9", "prod_9"),
        (None, None, None),
    ],
)
def test_plans(tmp_path: Path, price: str | None, product: str | None, plan: str | None) -> None:
    document = facts(subscription={"id": "sub_1", "status": "active", "price_id": price, "product_id": product})
    assert sent(loaded(tmp_path).apply(document))["properties"].get("plan_id") == plan


def test_a_list_has_no_entry_in_a_table(tmp_path: Path) -> None:
    document = facts(subscription={"id": "sub_1", "status": "active", "price_id": ["price_1"], "product_id": "prod_1"})
    assert sent(loaded(tmp_path).apply(document))["properties"]["plan_id"] == "pro"


def test_a_property_that_the_taxonomy_does_not_have_is_not_sent(tmp_path: Path) -> None:
    line = 'notification_id = { name = "notification_id", documented = false }'
    properties = sent(loaded(tmp_path, taxonomy=TAXONOMY.replace(line, "")).apply(facts()))["properties"]
    assert "notification_id" not in properties
    assert "notification_type" in properties


def test_a_rule_adds_replaces_and_drops_properties(tmp_path: Path) -> None:
    own = 'properties = { trial_converted = { value = true }, plan_id = "subscription.product_id", country = false }'
    mapping = loaded(
        tmp_path, stripe=HEAD + RULES.replace('emit = "subscription_started"', f'emit = "subscription_started"\n{own}')
    )
    properties = sent(mapping.apply(facts()))["properties"]
    assert (properties["trial_converted"], properties["plan_id"], "country" in properties) == (True, "prod_1", False)


@pytest.mark.parametrize(
    ("country", "sent_as"),
    [("DEU", "DE"), ("de", "DE"), ("usa", "US"), ("XKS", "XK"), ("QQQ", None), ("1A", None), ("Germany", None)],
)
def test_countries(tmp_path: Path, country: str, sent_as: str | None) -> None:
    assert sent(loaded(tmp_path).apply(facts(country=country)))["properties"].get("country") == sent_as


@pytest.mark.parametrize("value", [{"a": 1}, [1], 10**30, [{"a": "b"}]])
def test_a_value_that_is_no_property_fails_by_its_path(tmp_path: Path, value: object) -> None:
    mapping = loaded(tmp_path, stripe=with_properties('reason = "metadata.why"'))
    finding = mapping.apply(facts(metadata={"user_id": "u", "why": value}))
    assert finding.outcome is Outcome.FAILED
    assert finding.reason.startswith("metadata.why: expected a text")


def test_a_conversion_of_the_wrong_kind_fails_by_its_path(tmp_path: Path) -> None:
    finding = loaded(tmp_path).apply(facts(country=49))
    assert (finding.outcome, finding.reason) == (Outcome.FAILED, "country: expected a text")


def test_long_texts_are_cut_and_half_characters_replaced(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, stripe=with_properties('reason = "metadata.why"'))
    why = sent(mapping.apply(facts(metadata={"user_id": "u", "why": "\ud800" + "x" * 9_999})))["properties"]["reason"]
    assert why == "?" + "x" * 499


def test_a_needed_property_that_is_absent_fails_by_name(tmp_path: Path) -> None:
    document = facts(type="customer.subscription.created", subscription={"id": "sub_1", "status": "trialing"})
    finding = loaded(tmp_path).apply(document)
    assert (finding.outcome, finding.rule) == (Outcome.FAILED, "trial")
    assert finding.reason == (
        "trial_started needs plan_id, and the facts have nothing at subscription.price_id, subscription.product_id"
    )


def test_a_rule_may_do_without_a_need(tmp_path: Path) -> None:
    rule = RULES.replace('emit = "trial_started"', 'emit = "trial_started"\nwithout = ["plan_id"]')
    document = facts(type="customer.subscription.created", subscription={"id": "sub_1", "status": "trialing"})
    assert "plan_id" not in sent(loaded(tmp_path, stripe=HEAD + rule).apply(document))["properties"]
