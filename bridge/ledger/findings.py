"""How every ledger keeps what a notification became."""

from collections.abc import Sequence

from bridge.values.records import Document, Finding, Outcome

_WORST_FIRST = (Outcome.FAILED, Outcome.MAPPED, Outcome.UNMAPPED, Outcome.IGNORED)


def worst(findings: Sequence[Finding]) -> Outcome:
    """The one outcome that stands for all findings of a notification: the one a person would look at first."""
    return min((finding.outcome for finding in findings), key=_WORST_FIRST.index, default=Outcome.IGNORED)


def finding_document(finding: Finding) -> Document:
    """A finding as it is kept, without its events, of which the keys are enough."""
    return {
        "outcome": finding.outcome.value,
        "rule": finding.rule,
        "reason": finding.reason,
        "facts": finding.facts,
        "keys": [event.key for event in finding.events],
    }
