"""The files that ship: they load, say the truth about FloKit's documentation, and are changed by one line each."""

import difflib
from pathlib import Path

import pytest
from mapping_examples import HEAD, RULES, VOCABULARY, facts, only_event, sent

from bridge.mapping import Mapping, load
from bridge.mapping.conversions import CONVERSIONS
from bridge.mapping.countries import ALPHA_2_OF_ALPHA_3
from bridge.mapping.taxonomy import Flow
from bridge.values.records import Outcome

SHIPPED = Path(__file__).parent.parent / "mappings"

DOCUMENTED_EVENTS = {
    # FloKit's event taxonomy and data quality checklist (flokitai.com, "Send data")
    "trial_started", "subscription_started", "renewal_completed", "subscription_cancelled", "refund_issued",
    "plan_changed",
}  # fmt: skip

DOCUMENTED_PROPERTIES = {
    "user_id", "anonymous_id", "platform", "country",  # event taxonomy
    "plan_id", "revenue", "currency", "transaction_id", "store",  # its examples
    "trial_converted", "trial_length_days", "paywall_id",
    "product_id",  # its list of fields shared by all events
    "email_hash", "offer_id", "subscription_customer_id",  # identity mapping
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped taxonomy and plans beside a small mapping."""
    for name in ("taxonomy.toml", "plans.toml"):
        (tmp_path / name).write_text((SHIPPED / name).read_text())
    (tmp_path / "stripe.toml").write_text(HEAD + RULES)
    return tmp_path


def loaded(folder: Path) -> Mapping:
    return load(folder, "stripe", VOCABULARY)


def change_one_line(file: Path, old: str, new: str) -> None:
    """Replace one text in a file, and make sure that exactly one line became another."""
    before = file.read_text()
    assert before.count(old) == 1
    file.write_text(before.replace(old, new))
    changes = [line[0] for line in difflib.ndiff(before.splitlines(), file.read_text().splitlines()) if line[0] in "+-"]
    assert sorted(changes) == ["+", "-"]


def test_the_marks_of_what_flokit_documents(folder: Path) -> None:
    taxonomy = loaded(folder).taxonomy
    assert {key for key, event in taxonomy.events.items() if event.documented} == DOCUMENTED_EVENTS
    assert {key for key, spec in taxonomy.properties.items() if spec.documented} == DOCUMENTED_PROPERTIES


def test_documented_names_are_sent_as_documented(folder: Path) -> None:
    taxonomy = loaded(folder).taxonomy
    assert {event.name for event in taxonomy.events.values() if event.documented} == DOCUMENTED_EVENTS
    assert {spec.name for spec in taxonomy.properties.values() if spec.documented} == DOCUMENTED_PROPERTIES


def test_what_is_on_and_where_the_money_goes(folder: Path) -> None:
    events = loaded(folder).taxonomy.events.values()
    assert {event.key for event in events if event.money is Flow.OUT} == {"refund_issued"}
    assert {event.key for event in events if event.money is Flow.IN} == {
        "subscription_started", "renewal_completed", "purchase_completed", "refund_reversed",
    }  # fmt: skip
    assert {event.key for event in events if event.sale} == {
        "subscription_started", "renewal_completed", "purchase_completed",
    }  # fmt: skip
    assert {event.key for event in events if event.send} == {
        *DOCUMENTED_EVENTS,
        "purchase_completed",
        "refund_reversed",
        "revenue_corrected",
        "user_linked",
    }
    assert all({"revenue", "currency"} <= set(event.needs) for event in events if event.money in (Flow.IN, Flow.OUT))


def test_an_event_is_renamed_by_one_line_and_keeps_its_key(folder: Path) -> None:
    refund = facts(type="refund.created", which="re_1")
    key = only_event(loaded(folder).apply(refund)).key
    change_one_line(folder / "taxonomy.toml", 'name = "refund_issued"', 'name = "money_back"')
    finding = loaded(folder).apply(refund)
    assert sent(finding)["event"] == "money_back"
    assert (only_event(finding).name, only_event(finding).key) == ("refund_issued", key)


def test_a_property_is_renamed_by_one_line(folder: Path) -> None:
    change_one_line(folder / "taxonomy.toml", 'name = "plan_id"', 'name = "sku"')
    properties = sent(loaded(folder).apply(facts()))["properties"]
    assert (properties["sku"], "plan_id" in properties) == ("price_1", False)


def test_the_order_of_user_ids_is_changed_by_one_line(folder: Path) -> None:
    both = facts(client_reference_id="reference")
    assert sent(loaded(folder).apply(both))["user_id"] == "reference"
    change_one_line(
        folder / "stripe.toml",
        '["client_reference_id", "metadata.user_id",',
        '["metadata.user_id", "client_reference_id",',
    )
    assert sent(loaded(folder).apply(both))["user_id"] == "user_42"


def test_an_optional_event_is_switched_on_by_one_line(folder: Path) -> None:
    failed = facts(type="invoice.payment_failed")
    assert loaded(folder).apply(failed).outcome is Outcome.IGNORED
    line = next(
        line for line in (folder / "taxonomy.toml").read_text().splitlines() if line.startswith("billing_issue ")
    )
    change_one_line(folder / "taxonomy.toml", line, line.replace("send = false", "send = true"))
    assert sent(loaded(folder).apply(failed))["event"] == "billing_issue"


def test_a_plan_is_named_by_one_line(folder: Path) -> None:
    change_one_line(folder / "plans.toml", '# "price_1QExampleMonthly" = "pro_monthly"', 'price_1 = "pro_monthly"')
    assert sent(loaded(folder).apply(facts()))["properties"]["plan_id"] == "pro_monthly"


def test_the_countries_of_the_standard() -> None:
    assigned = {three: two for three, two in ALPHA_2_OF_ALPHA_3.items() if two != "XK"}
    assert len(assigned) == len(set(assigned.values())) == 249
    assert all(len(three) == 3 and len(two) == 2 for three, two in assigned.items())
    known = {"DEU": "DE", "CHE": "CH", "AUT": "AT", "GBR": "GB", "IRL": "IE", "KOR": "KR", "MKD": "MK", "SWZ": "SZ"}
    assert known.items() <= assigned.items()


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("iso_time", 1_764_000_000_000, "2025-11-24T16:00:00Z"),
        ("iso_time", 1_764_000_000_250, "2025-11-24T16:00:00.250Z"),
        ("seconds_to_iso", 1_764_000_000, "2025-11-24T16:00:00Z"),
        ("alpha2", "JPN", "JP"),
        ("lower", "ABC", "abc"),
        ("upper", "abc", "ABC"),
        ("text", 7, "7"),
        ("text", "7", "7"),
    ],
)
def test_conversions(name: str, value: object, result: str) -> None:
    assert CONVERSIONS[name].convert(value) == result


@pytest.mark.parametrize("name", CONVERSIONS)
@pytest.mark.parametrize("value", [True, [], {}, 10**40, 1.5])
def test_conversions_of_the_wrong_kind_say_so(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        CONVERSIONS[name].convert(value)
