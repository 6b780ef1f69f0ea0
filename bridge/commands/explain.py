"""`bridge explain`: why a notification becomes what it becomes."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from bridge.commands import explain_kept
from bridge.commands.ledgers import existing_ledger
from bridge.errors import BadNotification, NeedsAnswer, SettingsError
from bridge.interpreters import STATING, interpreters
from bridge.mapping.engine import Explanation
from bridge.memory import Note, Page, page_of
from bridge.pipeline import Interpreter
from bridge.settings import read_settings
from bridge.values import jsontext
from bridge.values.records import Document, Event, Notification
from bridge.values.times import system_clock

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.argument("what", metavar="ID|SOURCE")
@click.argument("file", metavar="[FILE]", type=FILE, required=False)
@click.option("--previous", type=FILE, help="With FILE: what the ledger knows before, a JSON document by subject.")
@click.option("--raw", is_flag=True, help="With ID: show personal data and tokens too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(what: str, file: Path | None, previous: Path | None, raw: bool, as_json: bool) -> None:
    """Show why a notification becomes what it becomes.

    With ID: all that the ledger has of it. It is the id of a notification, or the key of an event, which for a sale is
    its transaction id. Shows the notification, how it was proven, what was looked up, facts, rule and outcome, and each
    event with its state. Personal data and tokens are veiled unless you say --raw.

    With SOURCE and FILE: which rule is taken for the notification in FILE and why, with its facts, events and
    idempotency keys. FILE holds the body of a webhook, or a JSON list of several in order of arrival; - reads it from
    standard input. It needs no signature, and nothing is kept, sent or looked up.
    """
    if file is None:
        _check_words(what, previous)
        _explain_kept(what, raw=raw, as_json=as_json)
    elif raw:
        raise click.UsageError("--raw goes with an ID: what is in FILE is not veiled.")
    elif what not in STATING:
        raise click.BadParameter(
            f"{what!r} is not one of {', '.join(map(repr, sorted(STATING)))}.", param_hint="SOURCE"
        )
    else:
        _explain_file(what, file, previous, as_json=as_json)


def _check_words(what: str, previous: Path | None) -> None:
    if what in STATING:
        raise click.UsageError("Missing argument 'FILE'.")
    if previous:
        raise click.UsageError("--previous goes with SOURCE and FILE: of an ID the ledger knows what was before.")


def _explain_kept(asked: str, *, raw: bool, as_json: bool) -> None:
    with existing_ledger(read_settings(os.environ)) as ledger:
        found = explain_kept.documents(ledger, asked, raw=raw)
    if not found:
        raise click.ClickException(f"Nothing in the ledger has the id {asked[:200]!r}. {explain_kept.UNDERSTOOD}")
    if as_json:
        click.echo(jsontext.dumps_pretty(found))
    else:
        click.echo("\n".join(line for one in found for line in explain_kept.lines(one)))


def _explain_file(source: str, file: Path, previous: Path | None, *, as_json: bool) -> None:
    interpreter = interpreters(read_settings(os.environ))[source]
    page = page_of(_known(previous) if previous else {}, source)
    try:
        notifications = [STATING[source].unproven(body, system_clock()) for body in _bodies(_read(file))]
        found = [one for notification in notifications for one in _explained(interpreter, notification, page)]
    except BadNotification as error:
        raise SettingsError([f"{file}: kept as failed: {error}"]) from None
    if as_json:
        click.echo(jsontext.dumps_pretty([_document(one) for one in found]))
    else:
        click.echo("\n".join(line for one in found for line in _lines(one)))


def _bodies(text: bytes) -> list[bytes]:
    try:
        found = jsontext.loads(text)
    except ValueError:
        return [text]  # the source says better what is wrong with it
    return [jsontext.dumps(one) for one in found] if isinstance(found, list) and found else [text]


def _explained(interpreter: Interpreter, notification: Notification, page: Page) -> list[Explanation]:
    """The explanation as if no look-up had an answer; which ones a running bridge asks goes to standard error.

    What it teaches stays on the page, for the next notification.
    """
    unanswered: dict[str, None] = {}
    while True:
        note = Note(page, notification.source)
        try:
            found = interpreter.explain(note, notification, unanswered)
            note.keep()
            return found
        except NeedsAnswer as need:
            if need.question in unanswered:
                raise
            unanswered[need.question] = None
            click.echo(f"a running bridge asks {need.question} first; shown as if there was no answer", err=True)


def _read(file: Path) -> bytes:
    with click.open_file(str(file), "rb") as stream:
        body: bytes = stream.read()
    return body


def _known(file: Path) -> dict[str, Document]:
    try:
        known = jsontext.loads(_read(file))
    except ValueError as error:
        raise SettingsError([f"{file}: no JSON: {error}"]) from None
    if not isinstance(known, dict) or not all(isinstance(document, dict) for document in known.values()):
        raise SettingsError([f"{file}: expected an object with a document for each subject, such as an id sub_…"])
    return known


def _lines(explanation: Explanation) -> Iterator[str]:
    finding = explanation.finding
    yield click.style(f"{finding.facts.get('fact', finding.facts.get('type'))}: {finding.outcome}", bold=True)
    yield from (f"  not  {passed.rule}: {passed.reason}" for passed in explanation.passed_over)
    if finding.rule:
        yield f"  rule {finding.rule}"
    if finding.reason:
        yield f"  why  {finding.reason}"
    yield "  facts"
    yield from (f"    {line}" for line in jsontext.dumps_pretty(finding.facts).splitlines())
    for path, found in explanation.looked_at:
        yield f"  user {path}: {found}"
    for event in finding.events:
        yield f"  key  {event.key}"
        yield from (f"    {line}" for line in jsontext.dumps_pretty(_body(event)).splitlines())
    yield from (f"    {name} comes from {path}" for name, path in explanation.origins.items() if path)


def _document(explanation: Explanation) -> Document:
    finding = explanation.finding
    return {
        "outcome": str(finding.outcome),
        "rule": finding.rule,
        "reason": finding.reason,
        "passed_over": [{"rule": passed.rule, "reason": passed.reason} for passed in explanation.passed_over],
        "facts": finding.facts,
        "user_from": explanation.user_origin,
        "properties_from": explanation.origins,
        "events": [{"key": event.key, "event": _body(event)} for event in finding.events],
    }


def _body(event: Event) -> Document:
    body: Document = jsontext.loads(event.body)
    return body
