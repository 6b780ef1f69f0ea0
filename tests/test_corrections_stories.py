"""Corrections through the outside, a story for each source: what FloKit got first, and what it gets later."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from commands_rig import SECRET, Shell, counted, eventually, flokit, keys
from golden import MAPPINGS, NOW_MS, GoldenRig, Stages, mapping_of, stages
from test_apple_facts_golden import APPLE
from test_commands import copied_mappings
from test_golden_google import PACKAGE, Google

from bridge.mapping.engine import Mapping
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.google.source import GoogleSource
from bridge.standins.google_life import Life
from bridge.standins.google_life import Plan as PlayPlan
from bridge.standins.google_play import money
from bridge.standins.server import running
from bridge.stories.apple_subscriber import Plan, Subscriber
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, SECOND_MS, iso

SALE = "in_1P0001"  # of the fixture `renewal-basil`
PRO = PlayPlan("pro", "monthly", Decimal("16.99"), "EUR", tax=Decimal("2.71"))


@pytest.fixture
def servers() -> Iterator[Stages]:
    yield from stages()


def revenues(rig: GoldenRig) -> dict[str, Decimal | None]:
    """What FloKit has, by key."""
    return {one["key"]: one["event"]["properties"].get("revenue") for one in rig.events()}


def arrive(rig: GoldenRig, document: Document) -> None:
    """A webhook comes, is mapped, and its events are sent."""
    assert rig.post(document).status_code == 200
    rig.settle()
    rig.deliver()


# Stripe: a mapping that left the money out is mended


def without_money(folder: Path) -> Path:
    mappings = copied_mappings(folder)
    taxonomy = mappings / "taxonomy.toml"
    (line,) = [line for line in taxonomy.read_text().splitlines() if line.startswith("renewal_completed ")]
    poorer = line.replace('"in"', '"none"').replace(', "revenue", "currency"', "")
    taxonomy.write_text(taxonomy.read_text().replace(line, poorer))
    apple = mappings / "apple.toml"
    rules = apple.read_text().split("[[rule]]")
    needless = '\nwithout = ["revenue", "currency"]'
    renewals = [rule.replace(needless, "") if 'emit = "renewal_completed"' in rule else rule for rule in rules]
    apple.write_text("[[rule]]".join(renewals))
    return mappings


def test_a_mended_mapping_and_a_replay_bring_the_amount_and_no_second_sale(tmp_path: Path) -> None:
    with flokit(Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})) as (standin, shell):
        mistaken = shell.with_settings(BRIDGE_MAPPINGS=str(without_money(tmp_path)))
        with mistaken.serving() as bridge:
            mistaken.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
            eventually(lambda: keys(standin) == [SALE])
        assert "revenue" not in standin.stored[0].document["properties"]
        with shell.serving():
            preview = shell.run("replay")
            assert preview.lines[0] == "1 notifications to map again; 1 would change, 1 new events would be sent"
            wanted = (
                f"    ± revenue_corrected 49.90 USD ({SALE}:corrected:1): what FloKit has stays, this is the difference"
            )
            assert wanted in preview.lines
            assert keys(standin) == [SALE]

            shell.run("replay", "--yes")
            eventually(lambda: keys(standin) == [SALE, f"{SALE}:corrected:1"])
            again = shell.run("replay", "--yes")
            assert again.lines[0] == "1 notifications to map again; 0 would change, 0 new events would be sent"
            eventually(lambda: counted(shell) == {"mapped": 1})
    first, correction = (event.document for event in standin.stored)
    assert correction["event"] == "revenue_corrected"
    assert correction["timestamp"] == first["timestamp"]
    properties = correction["properties"]
    assert (properties["revenue"], properties["currency"]) == (Decimal("49.90"), "USD")
    assert (properties["corrects"], properties["transaction_id"]) == (SALE, SALE)
    assert standin.totals()["USD"].kept == Decimal("49.90")


def test_a_replay_says_what_flokit_keeps_otherwise(tmp_path: Path) -> None:
    with flokit(Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})) as (standin, shell), shell.serving() as bridge:
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: keys(standin) == [SALE])
        mappings = copied_mappings(tmp_path)
        plans = mappings / "plans.toml"
        plans.write_text('[stripe]\nprice_1Ppro = "pro"\n')
        preview = shell.with_settings(BRIDGE_MAPPINGS=str(mappings)).run("replay")
    assert "; 0 would change, 0 new events would be sent" in preview.lines[0]
    assert preview.lines[1] == "  1 of them say more or other than what was sent, and that stays:"
    assert preview.lines[2].endswith(": FloKit has it otherwise, and cannot take it back: plan_id")


# Apple: the price comes with a later notification


def test_a_price_that_apple_names_later_is_sent_beside_the_sale(servers: Stages, tmp_path: Path) -> None:
    who, plan = Subscriber(2_000_000_900_000_001, None, NOW_MS - 40 * DAY_MS), Plan("com.example.app.pro", 9_990)
    start_ms = who.start_ms
    poorer = who.transaction(0, plan, start_ms, price=None, currency=None)
    richer = who.transaction(0, plan, start_ms, appAccountToken="7e3fb204-2cd5-4e1c-8b5f-6a1f0c1d2e3f")
    told_again = who.notify("SUBSCRIBED", start_ms + SECOND_MS, richer, subtype="INITIAL_BUY")
    told_again["notificationUUID"] = "00000000-0000-4000-8000-000000000001"
    refund = who.notify("REFUND", start_ms + 2 * DAY_MS, richer | {"revocationDate": start_ms + DAY_MS})

    rig = GoldenRig(tmp_path, servers, APPLE, mapping_of(APPLE, MAPPINGS))
    with closing(rig.ledger):
        arrive(rig, who.notify("SUBSCRIBED", start_ms + SECOND_MS, poorer, subtype="INITIAL_BUY"))
        assert revenues(rig) == {who.line: None}
        arrive(rig, refund)
        for _ in range(2):
            arrive(rig, told_again)
        rig.ledger.reopen(rig.ledger.find())
        rig.settle()
        rig.deliver()
        assert revenues(rig) == {
            who.line: None,
            f"{who.line}:refund_issued:{start_ms + DAY_MS}": Decimal("-9.99"),
            f"{who.line}:corrected:1": Decimal("9.99"),
        }
        assert rig.standin.totals()["USD"].kept == 0
        pairs = [one["event"] for one in rig.events() if {"user_id", "anonymous_id"} <= one["event"].keys()]
        assert [one["anonymous_id"] for one in pairs] == [who.line], "joined once"


# Google: it waits without rights, and a presumed refund gives way to the one that Google shows


def test_without_rights_google_waits_and_then_sells_once(servers: Stages, tmp_path: Path) -> None:
    google = Google(tmp_path, servers.clock)
    with running(google.standin.app) as url:
        source, api = google.source(url)
        with closing(api):
            mapping = mapping_of(source, MAPPINGS)
            rig = GoldenRig(tmp_path, servers, source, mapping)
            able = rig.pipeline
            rig.pipeline = _pipeline(rig, GoogleSource(None, [PACKAGE], rig.clock), mapping)
            life = Life(google.standin.play, PACKAGE, "token-1", PRO, account="user-1")
            with closing(rig.ledger):
                arrive(rig, life.buy())
                assert revenues(rig) == {}
                servers.clock.advance(HOUR_MS)
                rig.pipeline = able
                for _ in range(2):
                    rig.settle()
                    rig.deliver()
                    rig.ledger.reopen(rig.ledger.find())
                assert revenues(rig) == {life.orders[0]: Decimal("16.99")}


def test_a_presumed_refund_gives_way_to_the_one_that_google_shows(servers: Stages, tmp_path: Path) -> None:
    google = Google(tmp_path, servers.clock)
    with running(google.standin.app) as url:
        source, api = google.source(url)
        with closing(api):
            rig = GoldenRig(tmp_path, servers, source, mapping_of(source, MAPPINGS))
            life = Life(google.standin.play, PACKAGE, "token-1", PRO, account="user-1")
            with closing(rig.ledger):
                arrive(rig, life.buy())
                arrive(rig, life.void())
                servers.clock.advance(7 * HOUR_MS)  # longer than the bridge waits for the order to show it
                rig.settle()
                rig.deliver()
                refund = f"{life.orders[0]}:refund_issued:full"
                assert revenues(rig) == {life.orders[0]: Decimal("16.99"), refund: Decimal("-16.99")}

                _show(life, Decimal(10))
                for _ in range(2):
                    arrive(rig, life.void())
                assert revenues(rig) == {
                    life.orders[0]: Decimal("16.99"),
                    refund: Decimal("-16.99"),
                    f"{refund}:corrected:1": Decimal("6.99"),
                }
                assert rig.standin.totals()["EUR"].kept == Decimal("6.99")


def _show(life: Life, given_back: Decimal) -> None:
    """The order shows a full refund of so much."""
    order = life.play.orders[life.package, life.orders[-1]]
    order["state"] = "REFUNDED"
    details = {"total": money(given_back, life.plan.currency)}
    order["orderHistory"]["refundEvent"] = {"eventTime": iso(life.play.clock()), "refundDetails": details}


def _pipeline(rig: GoldenRig, source: GoogleSource, mapping: Mapping) -> Pipeline:
    return Pipeline(rig.ledger, Interpreter(source, mapping), rig.clock, _silent)


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
