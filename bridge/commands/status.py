"""`bridge status`: one screen about the ledger."""

import os
from collections.abc import Iterator

import click

from bridge.commands import status_backlog
from bridge.commands.ledgers import existing_ledger
from bridge.ledger.base import LedgerStatus
from bridge.ledger.people import PeoplesLedger
from bridge.ledger.views import Kept
from bridge.settings import read_settings
from bridge.values import jsontext
from bridge.values.records import Document, Outcome
from bridge.values.times import MINUTE_MS, SECOND_MS, iso, system_clock

SHOWN = 5  # of each kind of trouble, the newest


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what came, what was sent, what waits.

    Also how old the events are that are still to be sent and when they will be gone, which ones may arrive twice, what
    waiting notifications wait for, and the newest that could not be mapped and events that FloKit refused, each with
    the reason.
    """
    settings = read_settings(os.environ)
    now_ms = system_clock()
    with existing_ledger(settings) as ledger:
        found = ledger.status(now_ms)
        backlog = status_backlog.backlogs(ledger, found, settings.flokit, now_ms)
        document = _document(found, now_ms) | {"backlog": backlog} | _troubles(ledger)
    click.echo(jsontext.dumps_pretty(document) if as_json else "\n".join(_lines(document)))


def _document(found: LedgerStatus, now_ms: int) -> Document:
    return {
        "sources": {
            one.source: {
                "last_received": iso(one.last_received_ms),
                "seconds_ago": (now_ms - one.last_received_ms) // SECOND_MS,
                "waiting_for_a_look_up": one.waiting,
                "notifications": {str(outcome or "pending"): count for outcome, count in one.by_outcome.items()},
            }
            for one in found.sources
        },
        "events": [
            {"environment": environment, "state": state, "count": count}
            for (environment, state), count in sorted(found.events.items())
        ],
        "oldest_unsent_minutes": {
            environment: (now_ms - entered_ms) // MINUTE_MS for environment, entered_ms in found.oldest_ready_ms.items()
        },
        "may_be_doubled": status_backlog.doubtful(found),
        # A refund that was taken back counts on both sides, so these are not called sold and given back.
        "money": [
            {
                "environment": environment,
                "currency": currency,
                "came_in": totals["sold"],
                "went_out": totals["given_back"],
                "kept": totals["kept"],
            }
            for (environment, currency), totals in sorted(found.totals.items())
        ],
    }


def _troubles(ledger: PeoplesLedger) -> Document:
    seqs = ledger.find(outcomes=[Outcome.UNMAPPED, Outcome.FAILED])[-SHOWN:]
    kept = [found for seq in reversed(seqs) if (found := ledger.kept(seq))]
    waiting = [found for seq in ledger.waiting(SHOWN) if (found := ledger.kept(seq))]
    return {
        "waiting": [_waiting(one) for one in waiting],
        "not_mapped": [_not_mapped(one) for one in kept],
        "dead": [
            {"key": one.key, "event": one.name, "status": one.last_status, "reason": one.last_reason}
            for one in ledger.dead(SHOWN)
        ],
    }


def _waiting(kept: Kept) -> Document:
    notification = kept.pending.notification
    about = {"source": notification.source, "notification": notification.id, "type": notification.type}
    return about | {"waiting_for": kept.waiting_for, "attempts": kept.pending.attempts}


def _not_mapped(kept: Kept) -> Document:
    notification = kept.pending.notification
    return {
        "source": notification.source,
        "notification": notification.id,
        "type": notification.type,
        "outcome": str(kept.outcome),
        "reasons": [finding["reason"] for finding in kept.findings if finding["reason"]],
    }


def _lines(document: Document) -> Iterator[str]:
    if not document["sources"]:
        yield "nothing was received yet"
    for source, one in document["sources"].items():
        counts = ", ".join(f"{count} {outcome}" for outcome, count in one["notifications"].items())
        waiting = f", {one['waiting_for_a_look_up']} of them wait for a look-up" if one["waiting_for_a_look_up"] else ""
        yield f"{source:8} last received {one['last_received']} ({one['seconds_ago']} s ago): {counts}{waiting}"
    for row in document["events"]:
        oldest = document["oldest_unsent_minutes"].get(row["environment"])
        age = f", the oldest for {oldest} min" if row["state"] == "ready" and oldest is not None else ""
        yield f"events   {row['environment']}: {row['count']} {row['state']}{age}"
    yield from status_backlog.lines(document)
    for row in document["money"]:
        amounts = f"in {row['came_in']:,}, out {row['went_out']:,}, kept {row['kept']:,}"
        yield f"money    {row['environment']} {row['currency']}: {amounts}"
    yield from _trouble_lines(document)


def _trouble_lines(document: Document) -> Iterator[str]:
    for row in document["waiting"]:
        tried = f", tried {row['attempts']} times" if row["attempts"] > 1 else ""
        yield f"waiting  {row['notification']} ({row['type']}): for {row['waiting_for']}{tried}"
    for row in document["not_mapped"]:
        yield f"{row['outcome']:8} {row['notification']} ({row['type']}): {'; '.join(row['reasons'])}"
    for row in document["dead"]:
        yield f"dead     {row['key']} ({row['event']}): FloKit answered {row['status']}: {row['reason']}"
