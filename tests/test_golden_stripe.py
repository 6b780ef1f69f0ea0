"""Stripe's golden cases, and that they leave no rule of the mapping out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from golden import MAPPINGS, Case, GoldenSource, Stages, cases, check, stages

from bridge.mapping.loading import load
from bridge.sources.stripe.receive import StripeReceiver
from bridge.sources.stripe.source import StripeSource
from bridge.sources.stripe.vocabulary import VOCABULARY
from bridge.stories.stripe_signing import sign
from bridge.values import jsontext
from bridge.values.records import Document

SECRET = "whsec_for_the_golden_cases_0123456789"
CASES = cases("stripe")


def seal(document: Document, now_ms: int) -> tuple[dict[str, str], bytes]:
    """As Stripe sends it: indented JSON, signed."""
    body = jsontext.dumps_pretty(document).encode()
    return sign(body, SECRET, now_ms), body


STRIPE = GoldenSource(StripeReceiver([SECRET]), StripeSource(), VOCABULARY, seal)


@pytest.fixture(scope="module")
def servers() -> Iterator[Stages]:
    yield from stages()


@pytest.mark.parametrize("case", CASES, ids=[case.folder.name for case in CASES])
def test_a_webhook_becomes_its_events(case: Case, servers: Stages, tmp_path: Path) -> None:
    check(case, STRIPE, servers, tmp_path)


def test_every_rule_is_taken() -> None:
    rules = {rule.name for rule in load(MAPPINGS, "stripe", VOCABULARY).rules}
    taken = {finding.get("rule", "") for case in CASES for finding in case.expected["findings"]}

    assert rules - taken == set()
    assert taken - rules == {""}, "expectations name rules that are not there"


def test_every_generation_of_versions_has_cases() -> None:
    versions = [document.get("api_version", "") or "" for case in CASES for document in case.inputs]

    for version in ("2019-05-16", "2020-08-27", "2022-11-15", "acacia", "basil", "clover", "dahlia", "endive"):
        assert sum(version in found for found in versions) >= 3, version
