"""The parts of a mapping file, read and checked against the words there are: facts, properties, conversions, tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bridge.mapping.conversions import CONVERSIONS
from bridge.mapping.fields import Field
from bridge.mapping.paths import FactPath
from bridge.mapping.rules import Condition
from bridge.mapping.scalars import property_value
from bridge.mapping.sections import Section, type_name
from bridge.mapping.taxonomy import (
    CORRECTION_PROPERTIES,
    IDENTITY_PROPERTIES,
    MONEY_PROPERTIES,
    OWN_PROPERTIES,
    Taxonomy,
)
from bridge.mapping.users import UserRules
from bridge.mapping.vocabulary import FactSpec, Kind, Vocabulary, did_you_mean, is_slip

SINGLE: frozenset[Kind] = frozenset({"text", "integer", "decimal", "boolean", "time"})
SENDABLE: frozenset[Kind] = SINGLE | {"list"}
TEXT: frozenset[Kind] = frozenset({"text"})
KEY_PART: frozenset[Kind] = frozenset({"text", "integer", "time"})
TIME: frozenset[Kind] = frozenset({"time"})

_TOML_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "text": (str,), "integer": (int,), "time": (int,), "decimal": (int, Decimal), "boolean": (bool,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """What a mapping file may speak of."""

    taxonomy: Taxonomy
    vocabulary: Vocabulary
    tables: Mapping[str, Mapping[str, str]]


def read_path(section: Section, key: str, path: str, words: Words, kinds: frozenset[Kind]) -> FactPath:
    """A path that has to be a fact of one of these kinds."""
    spec = words.vocabulary.find(path)
    if spec is None:
        section.problem(key, f"`{path}` is no fact of this source{words.vocabulary.near(path)}")
    elif spec.kind not in kinds:
        section.problem(key, f"`{path}` is a {spec.kind} ({spec.doc}); expected {_any_of(kinds)}")
    return FactPath(path)


def read_paths(
    section: Section, key: str, words: Words, kinds: frozenset[Kind], default: tuple[str, ...] = ()
) -> tuple[FactPath, ...]:
    """One path or a list of them; the default when the key is absent."""
    if key not in section.table:
        return tuple(FactPath(path) for path in default)
    return tuple(read_path(section, key, path, words, kinds) for path in section.texts(key, or_one=True))


def read_user(section: Section, words: Words) -> UserRules:
    """A mapping's [user]."""
    section.only(("user_id", "anonymous_id", "email_hash"))
    users = UserRules(
        user_id=read_paths(section, "user_id", words, TEXT),
        anonymous_id=read_paths(section, "anonymous_id", words, TEXT),
        email_hash=section.flag("email_hash", default=False),
    )
    if not users.user_id and not users.anonymous_id:
        section.problem("user_id", "expected at least one path under user_id or anonymous_id")
    if users.email_hash and words.vocabulary.find("email_hash") is None:
        section.problem("email_hash", "this source states no e-mail address")
    return users


def read_fields(section: Section, words: Words) -> dict[str, Field | None]:
    """Properties by name; None stands for `false`, which drops one."""
    allowed = [key for key in words.taxonomy.properties if key not in OWN_PROPERTIES]
    fields = {}
    for key in section.table:
        if key in MONEY_PROPERTIES:
            section.problem(key, "comes from the money of the facts, with its sign from taxonomy.toml; take it out")
        elif key in IDENTITY_PROPERTIES:
            section.problem(key, "is set by [user]; take it out")
        elif key in CORRECTION_PROPERTIES:
            section.problem(key, "is set when something is corrected; take it out")
        elif section.known(key, key, allowed, "property of taxonomy.toml"):
            fields[key] = _read_field(section, key, words)
    return fields


def _read_field(section: Section, key: str, words: Words) -> Field | None:
    match section.table[key]:
        case False:
            return None
        case str() | list():
            return Field(paths=read_paths(section, key, words, SENDABLE))
        case dict():
            return _read_full_field(section.section(key), words)
        case _:
            section.expected(key, "a path, a list of paths, { path = … }, { value = … } or false")
            return None


def _read_full_field(section: Section, words: Words) -> Field:
    section.only(("path", "convert", "table", "else", "value"))
    if "value" in section.table:
        return Field(constant=_read_constant(section))
    convert = section.text("convert", default="")
    conversion = CONVERSIONS[convert] if section.known("convert", convert, CONVERSIONS, "conversion") else None
    table = section.text("table", default="")
    section.known("table", table, words.tables, "table of this mapping")
    if (fallback := section.text("else", default="")) not in ("", "same") or (fallback and not table):
        section.problem("else", 'expected "same", beside a table')
    if not section.texts("path", or_one=True):
        section.problem("", "expected `path` or `value`")
    kinds = conversion.takes if conversion else TEXT if table else SENDABLE
    return Field(
        paths=read_paths(section, "path", words, kinds),
        conversion=conversion,
        table=words.tables.get(table),
        keep_unlisted=fallback == "same",
    )


def _read_constant(section: Section) -> Any:
    if len(section.table) > 1:
        section.problem("value", "a constant stands alone: take out the other keys, or take out `value`")
    try:
        return property_value(section.table["value"])
    except ValueError as error:
        section.problem("value", str(error))
        return ""


def read_conditions(section: Section, words: Words) -> tuple[Condition, ...]:
    """A partial document as conditions, one for each value in it."""
    return tuple(_walk(section, section.table, (), words))


def _walk(section: Section, table: dict[str, Any], above: tuple[str, ...], words: Words) -> Iterator[Condition]:
    for key, value in table.items():
        path = FactPath(*above, key) if above else FactPath(key)
        if isinstance(value, dict) and value:
            yield from _walk(section, value, (*above, key), words)
        elif value in ({}, []):
            section.problem(path.text, "is empty, so it says nothing about what to look for; take it out or fill it")
        else:
            wanted = tuple(value) if isinstance(value, list) else (value,)
            _check_wanted(section, path, wanted, words.vocabulary)
            yield Condition(path, wanted)


def _check_wanted(section: Section, path: FactPath, wanted: tuple[Any, ...], vocabulary: Vocabulary) -> None:
    spec = vocabulary.find(path.text)
    if spec is None:
        section.problem(path.text, f"is no fact of this source{vocabulary.near(path.text)}")
    elif spec.kind not in SINGLE:
        section.problem(path.text, f"is a {spec.kind} ({spec.doc}); a rule can only compare single values")
    else:
        for value in wanted:
            _check_value(section, path, value, spec)


def _check_value(section: Section, path: FactPath, value: Any, spec: FactSpec) -> None:
    types = _TOML_TYPES[spec.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        section.problem(path.text, f"expected {type_name(types[-1]())}, found {type_name(value)}")
    elif spec.values is not None and value not in spec.values:
        _check_word(section, path, str(value), spec, sorted(spec.values))


def _check_word(section: Section, path: FactPath, word: str, spec: FactSpec, known: list[str]) -> None:
    if spec.closed or is_slip(word, known):
        section.problem(path.text, f"`{word}` is not among its values{did_you_mean(word, known)}")


def _any_of(kinds: frozenset[Kind]) -> str:
    return " or ".join(sorted(kinds))
