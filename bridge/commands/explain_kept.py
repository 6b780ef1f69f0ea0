"""What the ledger knows of an id: the notification, how it was proven, what it became, and what FloKit has of it."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from bridge.commands.explain_body import readable
from bridge.commands.veil import veiled
from bridge.interpreters import STATING
from bridge.ledger.people import PeoplesLedger
from bridge.ledger.views import Entered, Kept
from bridge.sources.google.booked import REREAD
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Notification
from bridge.values.times import iso

UNDERSTOOD = (
    "Understood are the id that a source gave its notification (Stripe's evt_…, Apple's notificationUUID, Google's "
    "Pub/Sub message id), and the key of an event, which for a sale is its transaction id (in_… or pi_…, Apple's "
    "transactionId, Google's GPA.… with its ..n)."
)
FORGOTTEN = "forgotten: it was older than BRIDGE_KEEP_BODIES_DAYS, which takes the answers of look-ups with it"
_PROOFS = {
    "stripe": "Stripe's signature over the body, with a secret of STRIPE_WEBHOOK_SECRETS",
    "apple": "Apple's signature over the body, by its certificate chain, for an app of APPLE_APPS",
    "google": "Google's signed token, for GOOGLE_PUSH_ACCOUNT, GOOGLE_PUSH_AUDIENCE and a package of GOOGLE_PACKAGES",
}
_OF_AN_AMOUNT = ("currency", "revenue_basis", "revenue_source")
_NO_PROOF = "none needed: the bridge made it itself, to look at booked orders again"


def documents(ledger: PeoplesLedger, asked: str, *, raw: bool) -> list[Document]:
    """What is known of each notification that has this id, or entered an event of this key. Raises LedgerError.

    Personal data and tokens are veiled unless it is to be `raw`. Empty when the id is nowhere.
    """
    events = [one for place in Environment for one in ledger.entered(place, [asked]).values()]
    own = [seq for source in sorted(STATING) if (seq := ledger.seq_of(source, asked)) is not None]
    seqs = dict.fromkeys([*own, *(event.notification for event in events)])
    found = [_document(ledger, kept, events, raw=raw) for seq in seqs if (kept := ledger.kept(seq))]
    return found if raw else [veiled(one) for one in found]


def lines(document: Document) -> Iterator[str]:
    """One of the documents, for people."""
    about = document["notification"]
    yield click.style(f"{about['source']} {about['type']} {about['id']}", bold=True)
    yield f"  received  {about['received_at']}, happened {about['occurred_at']}, environment {about['environment']}"
    yield f"  proof     {about['proof']}"
    if about["hint"]:
        yield f"  said      {about['hint']}"
    yield f"  body      {document['body_note']}"
    yield from _indented(document["body"]) if document["body"] is not None else ()
    for question, answer in document["answers"].items():
        yield f"  asked     {question}"
        yield from _indented(answer)
    yield f"  outcome   {document['outcome']}{_waits(document)}"
    for finding in document["findings"]:
        yield from _finding_lines(finding)
    for event in document["events"]:
        yield from _event_lines(event)


def _document(ledger: PeoplesLedger, kept: Kept, asked: Sequence[Entered], *, raw: bool) -> Document:
    # A replay that is not through yet has no findings: what was asked for is shown all the same.
    entered = {event.seq: event for event in [*kept.events, *asked] if event in kept.events or _is_of(event, kept)}
    body, note = _body(kept, raw=raw)
    return {
        "notification": _about(kept.pending.notification),
        "body": body,
        "body_note": note,
        "answers": dict(kept.pending.answers),
        "outcome": str(kept.outcome or "pending"),
        "waiting_for": kept.waiting_for,
        "attempts": kept.pending.attempts,
        "findings": list(kept.findings),
        "events": [_event(ledger, kept, event) for event in entered.values()],
    }


def _is_of(event: Entered, kept: Kept) -> bool:
    return event.notification == kept.pending.seq


def _about(notification: Notification) -> Document:
    made_here = notification.type == REREAD
    return {
        "source": notification.source,
        "id": notification.id,
        "type": notification.type,
        "environment": str(notification.environment),
        "occurred_at": _time(notification.occurred_at_ms),
        "received_at": _time(notification.received_at_ms),
        "proof": _NO_PROOF if made_here else _PROOFS[notification.source],
        "hint": notification.hint,
    }


def _body(kept: Kept, *, raw: bool) -> tuple[Any, str]:
    """The body as JSON, None when it cannot be shown, and a word about it. One that is no JSON cannot be veiled."""
    notification = kept.pending.notification
    if kept.forgotten:
        return None, FORGOTTEN
    size = f"{len(notification.body):,} bytes"
    try:
        return readable(notification.source, notification.body), f"{size}, read out of its wrappings"
    except ValueError as error:
        text = notification.body.decode("utf-8", "replace") if raw else None
        return text, f"{size}, not readable: {error}" + ("" if raw else "; --raw shows it")


def _event(ledger: PeoplesLedger, kept: Kept, event: Entered) -> Document:
    body: Document = jsontext.loads(event.body) if event.body else {}
    properties = body.get("properties", {})
    stated = {"user_id": body, "anonymous_id": body, "revenue_basis": properties, "revenue_source": properties}
    other = None if _is_of(event, kept) else ledger.kept(event.notification)
    return {
        "key": event.key,
        "event": event.name,
        "environment": str(event.environment),
        **{name: where[name] for name, where in stated.items() if name in where},
        "revenue": event.revenue,
        "currency": event.currency,
        "entered_by": (other or kept).pending.notification.id,
        "entered_at": _time(event.entered_at_ms),
        **_delivery(event),
        "body": body or None,
    }


def _delivery(event: Entered) -> Document:
    return {
        "state": event.state,
        "attempts": event.attempts,
        "is_leaving": event.leaving,
        "in_doubt": event.in_doubt,
        "may_be_doubled": event.may_be_doubled,
        "next_try_at": _time(event.due_at_ms) if event.state == "ready" and event.due_at_ms else None,
        "last_status": event.last_status,
        "last_reason": event.last_reason,
        "sent_at": None if event.sent_at_ms is None else _time(event.sent_at_ms),
        "flokit_event_id": event.flokit_event_id,
    }


def _time(at_ms: int) -> str:
    try:
        return iso(at_ms)
    except ValueError:  # the source's own time, which may be any number
        return f"{at_ms} ms"


def _waits(document: Document) -> str:
    tried = f", tried {document['attempts']} times" if document["attempts"] > 1 else ""
    return f", waits for {document['waiting_for']}{tried}" if document["waiting_for"] else ""


def _finding_lines(finding: Document) -> Iterator[str]:
    facts = finding["facts"]
    yield f"  fact      {facts.get('fact', facts.get('type', ''))}: {finding['outcome']}"
    if finding["rule"]:
        yield f"    rule    {finding['rule']}"
    if finding["reason"]:
        yield f"    why     {finding['reason']}"
    if facts:
        yield from _indented(facts)


def _event_lines(event: Document) -> Iterator[str]:
    yield f"  event     {event['event']} ({event['environment']}), key {event['key']}"
    for name in ("user_id", "anonymous_id"):
        if name in event:
            yield f"    user    {event[name]} ({name})"
    if event["revenue"] is not None:
        known = [f"{name} {event[name]}" for name in _OF_AN_AMOUNT if event.get(name)]
        yield f"    amount  {', '.join([str(event['revenue']), *known])}"
    yield f"    entered {event['entered_at']} by {event['entered_by']}"
    yield f"    state   {_state(event)}"
    if event["last_status"] is not None:
        answer = f"answered {event['last_status']}" if event["last_status"] else "did not answer"
        yield f"    FloKit  {answer}: {event['last_reason']}"
    yield from (f"    doubt   {doubt}" for doubt in _doubts(event))
    yield from _indented(event["body"]) if event["body"] else ["    body    forgotten, for its age"]


def _state(event: Document) -> str:
    tries = "1 try" if event["attempts"] == 1 else f"{event['attempts']} tries"
    if event["state"] == "ready" and not event["attempts"]:
        return "ready to be sent, not tried yet"
    if event["state"] == "sent":
        own_id = f", FloKit's id {event['flokit_event_id']}" if event["flokit_event_id"] else ""
        return f"sent {event['sent_at']} after {tries}{own_id}"
    if event["state"] == "dead":
        return f"dead: FloKit refused it for good, after {tries}"
    when = f", next not before {event['next_try_at']}" if event["next_try_at"] else ""
    return f"ready to be sent, after {tries}{when}"


def _doubts(event: Document) -> Iterator[str]:
    if event["is_leaving"]:
        yield "a try has begun and its end is not known yet"
    if event["may_be_doubled"]:
        yield "it may arrive, or have arrived, twice: FloKit may have had it, and has no key to tell"
    elif event["in_doubt"]:
        yield "an earlier try may have reached FloKit without an answer; its key keeps it from counting twice"


def _indented(value: Any) -> list[str]:
    return [f"    {_printable(line)}" for line in jsontext.dumps_pretty(value).split("\n")]


def _printable(text: str) -> str:
    """The text without what drives a terminal: JSON lets some of that stand as it is."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
