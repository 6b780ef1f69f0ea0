"""Mapping files into mappings: everything is checked here, at start, and all problems are told at once."""

from collections import abc
from pathlib import Path

from bridge.errors import SettingsError
from bridge.mapping.conversions import CONVERSIONS
from bridge.mapping.engine import Mapping
from bridge.mapping.fields import Field
from bridge.mapping.paths import FactPath
from bridge.mapping.reading import Words, read_fields, read_user
from bridge.mapping.reading_rules import read_rules
from bridge.mapping.rules import Rule
from bridge.mapping.sections import Section, read_file
from bridge.mapping.taxonomy import Taxonomy, read_taxonomy
from bridge.mapping.users import UserRules
from bridge.mapping.vocabulary import SOURCES, Vocabulary

BUILT_IN: abc.Mapping[str, Field] = {
    "store": Field((FactPath("source"),)),
    "environment": Field((FactPath("environment"),)),
    "transaction_id": Field((FactPath("transaction_id"),)),
    "notification_id": Field((FactPath("notification_id"),)),
    "notification_type": Field((FactPath("type"),)),
    "received_at": Field((FactPath("received_at_ms"),), conversion=CONVERSIONS["iso_time"]),
}
"""Properties that every event gets, unless a mapping names another path for one or drops it with `false`."""


def load(folder: Path, source: str, vocabulary: Vocabulary) -> Mapping:
    """The mapping of one source: `<source>.toml`, with `taxonomy.toml` and `plans.toml` of the same folder.

    Raises SettingsError with all problems at once.
    """
    return load_all(folder, {source: vocabulary})[source]


def load_all(folder: Path, vocabularies: abc.Mapping[str, Vocabulary]) -> dict[str, Mapping]:
    """The mappings of several sources by name. Raises SettingsError with all problems of all files at once."""
    problems: list[str] = []
    taxonomy_file = read_file(folder / "taxonomy.toml", problems)
    taxonomy = read_taxonomy(taxonomy_file) if taxonomy_file else Taxonomy({}, {})
    plans = _read_plans(folder / "plans.toml", problems)
    entries = {}
    for source, vocabulary in vocabularies.items():
        file = read_file(folder / f"{source}.toml", problems)
        if file is not None and taxonomy_file is not None:
            entries[source] = _read_entries(file, source, vocabulary, taxonomy, plans.get(source, {}))
    if problems:
        raise SettingsError(problems)
    return {source: Mapping(source, rules, users, taxonomy) for source, (rules, users) in entries.items()}


def _read_plans(path: Path, problems: list[str]) -> dict[str, dict[str, str]]:
    file = read_file(path, problems)
    if file is None:
        return {}
    file.only(SOURCES)
    plans = {}
    for source, section in file.sections():
        for key in [key for key, value in section.table.items() if isinstance(value, dict)]:
            file.problem(source, f'`{key}` is a table; write an id that has dots in quotes: "{key}.…" = "plan"')
            del section.table[key]
        plans[source] = {key: section.text(key) for key in section.table}
    return plans


def _read_entries(
    file: Section, source: str, vocabulary: Vocabulary, taxonomy: Taxonomy, plans: abc.Mapping[str, str]
) -> tuple[list[Rule], UserRules]:
    file.only(("source", "user", "properties", "tables", "rule"))
    if file.text("source") not in ("", source):
        file.problem("source", f'expected "{source}", as the file is called, found "{file.text("source")}"')
    words = Words(taxonomy, vocabulary, {**_read_tables(file), "plans": plans})
    users = read_user(file.section("user"), words)
    built_in = {key: field for key, field in BUILT_IN.items() if key in taxonomy.properties}
    own = read_fields(file.section("properties"), words)
    general = {key: field for key, field in {**built_in, **own}.items() if field is not None}
    return read_rules(file, general, words), users


def _read_tables(file: Section) -> dict[str, dict[str, str]]:
    tables = file.section("tables")
    if "plans" in tables.table:
        tables.problem("plans", "this name is taken: it stands for plans.toml")
    return {name: tables.text_table(name) for name in tables.table}
