"""Apple's golden cases, and that they leave no rule of the mapping out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from golden import MAPPINGS, NOW_MS, Case, GoldenSource, Stages, cases, check, stages

from bridge.mapping.loading import load
from bridge.sources.apple.receive import AppleReceiver
from bridge.sources.apple.source import TYPES, AppleSource
from bridge.sources.apple.vocabulary import VOCABULARY
from bridge.stories.apple_notifications import APP_APPLE_ID, BUNDLE_ID, sealed
from bridge.stories.apple_signing import AppleSigner
from bridge.values.records import Document

SIGNER = AppleSigner.generate(NOW_MS)
CASES = cases("apple")


def seal(document: Document, now_ms: int) -> tuple[dict[str, str], bytes]:
    """As Apple sends it: the parts signed, then the whole."""
    return {}, sealed(SIGNER, document)


RECEIVER = AppleReceiver({BUNDLE_ID: APP_APPLE_ID}, [SIGNER.root.der], 0)
APPLE = GoldenSource(RECEIVER, AppleSource(), VOCABULARY, seal)


@pytest.fixture(scope="module")
def servers() -> Iterator[Stages]:
    yield from stages()


@pytest.mark.parametrize("case", CASES, ids=[case.folder.name for case in CASES])
def test_a_notification_becomes_its_events(case: Case, servers: Stages, tmp_path: Path) -> None:
    check(case, APPLE, servers, tmp_path)


def test_every_rule_is_taken() -> None:
    rules = {rule.name for rule in load(MAPPINGS, "apple", VOCABULARY).rules}
    taken = {finding["rule"] for case in CASES for finding in case.expected["findings"]}

    assert rules - taken == set()
    assert taken - rules == {""}, "expectations name rules that are not there"


def test_every_type_has_a_case() -> None:
    assert {document["notificationType"] for case in CASES for document in case.inputs} >= TYPES
