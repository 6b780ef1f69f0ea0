"""The rules of a mapping file, read and checked: each by itself, then against those above it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bridge.mapping.fields import Field
from bridge.mapping.paths import FactPath
from bridge.mapping.reading import KEY_PART, TIME, Words, read_conditions, read_fields, read_path, read_paths
from bridge.mapping.rules import Emission, Rule
from bridge.mapping.sections import Section
from bridge.mapping.taxonomy import MONEY_PROPERTIES, OWN_EVENTS, EventSpec

_EMIT_KEYS = ("name", "when", "enabled", "emit", "properties", "without", "timestamp", "money", "key", "which")
_IGNORE_KEYS = ("name", "when", "enabled", "ignore")


def read_rules(file: Section, general: Mapping[str, Field], words: Words) -> list[Rule]:
    """All rules of a file, in order. `general` are the properties that each event of the file gets."""
    entries = file.table.get("rule", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        file.problem("rule", "expected at least one [[rule]], with two brackets on each side")
        return []
    rules = [
        _read_rule(Section(_place(file.where, number, entry), entry, file.problems), number, general, words)
        for number, entry in enumerate(entries, start=1)
    ]
    _check_names_differ(file, rules)
    _check_reachable(file, rules)
    return rules


def _place(file: str, number: int, entry: dict[str, Any]) -> str:
    name = entry.get("name")
    return f"{file}: rule {number} ({name})" if isinstance(name, str) else f"{file}: rule {number}"


def _read_rule(section: Section, number: int, general: Mapping[str, Field], words: Words) -> Rule:
    _check_keys(section)
    return Rule(
        number=number,
        name=section.text("name"),
        conditions=read_conditions(section.section("when"), words),
        enabled=section.flag("enabled", default=True),
        emission=_read_emission(section, general, words) if "emit" in section.table else None,
        reason=section.text("ignore", default=""),
    )


def _check_keys(section: Section) -> None:
    emits, ignores = "emit" in section.table, "ignore" in section.table
    if emits == ignores:
        section.problem("", "expected exactly one of `emit` and `ignore`")
    section.only(_IGNORE_KEYS if ignores and not emits else (*_EMIT_KEYS, "ignore"))


def _read_emission(section: Section, general: Mapping[str, Field], words: Words) -> Emission | None:
    name = section.text("emit")
    if not section.known("emit", name, words.taxonomy.events, "event of taxonomy.toml"):
        return None
    if name in OWN_EVENTS:
        section.problem("emit", f"`{name}` is sent by the bridge itself; no rule emits it")
        return None
    event = words.taxonomy.events[name]
    own = read_fields(section.section("properties"), words)
    fields = {key: field for key, field in {**general, **own}.items() if field is not None}
    default_subject = ("transaction_id",) if event.sale else ("transaction_id", "subscription.id")
    return Emission(
        event=event,
        fields=fields,
        needs=tuple(_read_needs(section, event, fields)),
        timestamp=read_path(section, "timestamp", section.text("timestamp", "occurred_at_ms"), words, TIME),
        money=_read_money(section, words),
        subject=read_paths(section, "key", words, KEY_PART, default_subject),
        which=read_path(section, "which", section.text("which", "which"), words, KEY_PART),
    )


def _read_needs(section: Section, event: EventSpec, fields: Mapping[str, Field]) -> Iterator[str]:
    without = section.texts("without")
    for name in without:
        section.known("without", name, event.needs, f"need of {event.key}")
    for need in event.needs:
        if need in without:
            continue
        if need not in fields and need not in MONEY_PROPERTIES:
            section.problem(
                "emit",
                f"{event.key} needs {need}, which nothing gives: add it to properties, or list it under `without`",
            )
        yield need


def _read_money(section: Section, words: Words) -> FactPath:
    path = section.text("money", "money")
    read_path(section, "money", f"{path}.amount", words, frozenset({"decimal"}))
    return FactPath(path)


def _check_names_differ(file: Section, rules: Sequence[Rule]) -> None:
    first: dict[str, int] = {}
    for rule in rules:
        if rule.name and (number := first.setdefault(rule.name, rule.number)) != rule.number:
            file.problem(f"rule {rule.number} ({rule.name})", f"name: rule {number} has the same one")


def _check_reachable(file: Section, rules: Sequence[Rule]) -> None:
    enabled = [rule for rule in rules if rule.enabled]
    for place, rule in enumerate(enabled):
        above = next((other for other in enabled[:place] if other.covers(rule)), None)
        if above is not None:
            file.problem(
                f"rule {rule.number} ({rule.name})",
                f"can never be taken: all that fits it fits rule {above.number} ({above.name}) before it",
            )
