"""`bridge replay`: map kept notifications again, after a mapping or the program was mended."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from bridge.commands.ledgers import existing_ledger
from bridge.errors import NeedsAnswer
from bridge.interpreters import STATING, interpreters
from bridge.ledger.people import PeoplesLedger
from bridge.log import LineLog, to_stderr
from bridge.mapping.taxonomy import REVENUE_CORRECTED
from bridge.pipeline import Pipeline
from bridge.settings import read_settings
from bridge.values.records import Event, Outcome
from bridge.values.times import from_iso, system_clock

SHOWN = 20
WITHOUT_BODY = "without body"  # what a notification becomes that is older than its body


@dataclass(frozen=True, slots=True)
class _Change:
    """What one kept notification would become, beside what it became. `notes` say what FloKit has otherwise."""

    seq: int
    notification: str
    before: str
    after: str
    new: Sequence[Event] = ()
    notes: Sequence[str] = ()

    @property
    def is_one(self) -> bool:
        """Whether anything would change."""
        return bool(self.new) or self.after not in (self.before, WITHOUT_BODY)


def _time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    try:
        return from_iso(text) if text else None
    except ValueError:
        raise click.BadParameter("expected an ISO 8601 time such as 2026-11-24 or 2026-11-24T08:00:00Z") from None


@click.command()
@click.option("--source", type=click.Choice(sorted(STATING)), help="Only this source's.")
@click.option("--type", "types", multiple=True, help="Only this type, such as invoice.paid; may be repeated.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice([str(outcome) for outcome in Outcome]),
    help="Only what became this; may be repeated.",
)
@click.option("--since", callback=_time, help="Only what was received at this time (ISO 8601, UTC) or later.")
@click.option("--until", callback=_time, help="Only what was received before this time.")
@click.option("--yes", is_flag=True, help="Do it; without this it only shows what would be sent.")
def replay(  # noqa: PLR0913, PLR0917 - each is an option of its own
    source: str | None,
    types: tuple[str, ...],
    outcomes: tuple[str, ...],
    since: int | None,
    until: int | None,
    yes: bool,
) -> None:
    """Map kept notifications again.

    For after a mapping or the program was mended. Shows what would be sent, and does it with --yes. An event that
    FloKit has is never sent again: a replay adds what was missing, corrects amounts by their difference, and tries anew
    what FloKit refused.
    """
    settings = read_settings(os.environ)
    loaded = interpreters(settings)
    log = LineLog(to_stderr)
    with existing_ledger(settings) as ledger:
        pipelines = {name: Pipeline(ledger, one, system_clock, log) for name, one in loaded.items()}
        seqs = ledger.find(
            source=source,
            types=types or None,
            outcomes=[Outcome(outcome) for outcome in outcomes] or None,
            since_ms=since,
            until_ms=until,
        )
        found = [change for seq in seqs if (change := _preview(ledger, pipelines, seq))]
        click.echo("\n".join([*_lines(len(seqs), found), *_what_stays(found)]))
        if yes:
            _do(ledger, pipelines, seqs)
        elif seqs:
            click.echo("Nothing was changed; add --yes to do it.")


def _preview(ledger: PeoplesLedger, pipelines: dict[str, Pipeline], seq: int) -> _Change | None:
    kept = ledger.kept(seq)
    if kept is None:
        return None
    notification = kept.pending.notification
    before = _words(finding["outcome"] for finding in kept.findings) if kept.outcome else "pending"
    if kept.forgotten:
        return _Change(seq, notification.id, before, WITHOUT_BODY)
    try:
        corrected = pipelines[notification.source].preview(kept.pending)
    except NeedsAnswer as need:
        return _Change(seq, notification.id, before, f"waiting for {need.question}")
    after = _words(finding.outcome for finding in corrected.findings)
    notes = [finding.reason for finding in corrected.findings if finding.outcome is Outcome.MAPPED and finding.reason]
    change = _Change(seq, notification.id, before, after, corrected.new, notes)
    return change if change.is_one or notes else None


def _words(outcomes: Iterable[str]) -> str:
    """One notification may state several facts, each with an outcome of its own."""
    return " and ".join(sorted(set(outcomes))) or str(Outcome.IGNORED)


def _lines(count: int, found: Sequence[_Change]) -> Iterator[str]:
    changes = [change for change in found if change.is_one]
    new = [event for change in changes for event in change.new]
    yield f"{count} notifications to map again; {len(changes)} would change, {len(new)} new events would be sent"
    for change in changes[:SHOWN]:
        yield f"  {change.notification}: {change.before} -> {change.after}"
        yield from map(_line, change.new)
    if len(changes) > SHOWN:
        yield f"  … and {len(changes) - SHOWN} more"
    for name, number in sorted(Counter(event.name for event in new).items()):
        yield f"  {number} × {name}"


def _line(event: Event) -> str:
    money = "" if event.revenue is None else f" {event.revenue} {event.currency}"
    if event.name == REVENUE_CORRECTED:
        return f"    ± {event.name}{money} ({event.key}): what FloKit has stays, this is the difference"
    return f"    + {event.name}{money} ({event.key})"


def _what_stays(found: Sequence[_Change]) -> Iterator[str]:
    if forgotten := sum(change.after == WITHOUT_BODY for change in found):
        yield f"  {forgotten} of them stay as they are: older than BRIDGE_KEEP_BODIES_DAYS, they have no body any more"
    noted = [change for change in found if change.notes]
    if noted:
        yield f"  {len(noted)} of them say more or other than what was sent, and that stays:"
        yield from (f"    {change.notification}: {'; '.join(change.notes)}" for change in noted[:SHOWN])


def _do(ledger: PeoplesLedger, pipelines: dict[str, Pipeline], seqs: Sequence[int]) -> None:
    """Open them again; the running bridge maps them, or this process when none runs."""
    count = ledger.reopen(seqs)
    lock = ledger.worker_lock()
    if lock is None:
        click.echo(f"{count} notifications opened; the running bridge maps them now.")
        return
    with lock:
        for pipeline in pipelines.values():
            while pipeline.step():
                pass
    click.echo(f"{count} notifications mapped again; new events are sent when the bridge runs.")
