"""Reading TOML so that every problem is collected, with its place, and none stops the reading."""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bridge.mapping.vocabulary import did_you_mean

_TYPE_NAMES = {
    bool: "true or false",
    int: "a number",
    Decimal: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


def type_name(value: Any) -> str:
    """What a TOML value is, in words."""
    return _TYPE_NAMES.get(type(value), "a date or time")


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a TOML file, and where it stands. Readers give an empty value and add a problem when it is wrong."""

    where: str
    table: dict[str, Any]
    problems: list[str]

    def problem(self, key: str, text: str) -> None:
        """Add a problem about one key; an empty key means the section as a whole."""
        self.problems.append(f"{self.where}: {key}: {text}" if key else f"{self.where}: {text}")

    def expected(self, key: str, wanted: str) -> None:
        """Add the problem that a key is absent or holds another type."""
        found = type_name(self.table[key]) if key in self.table else "nothing"
        self.problem(key, f"expected {wanted}, found {found}")

    def only(self, known: Sequence[str]) -> None:
        """Add a problem for each key that is none of the known ones."""
        for key in sorted(self.table.keys() - set(known)):
            self.problem(key, f"is no known key{did_you_mean(key, known)}; known are {', '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty. Required when there is no default."""
        value = self.table.get(key, default)
        if isinstance(value, str) and (value or key not in self.table):
            return value
        self.expected(key, "a text that is not empty")
        return ""

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false. Required when there is no default."""
        value = self.table.get(key, default)
        if isinstance(value, bool):
            return value
        self.expected(key, "true or false")
        return False

    def texts(self, key: str, *, or_one: bool = False) -> tuple[str, ...]:
        """A list of texts, empty when the key is absent; with `or_one` a single text will do."""
        value = self.table.get(key, [])
        if or_one and isinstance(value, str):
            value = [value]
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.expected(key, "a text or a list of texts" if or_one else "a list of texts")
        return ()

    def section(self, key: str) -> "Section":
        """A table inside this one, empty when the key is absent."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self.expected(key, "a table")
            value = {}
        return Section(f"{self.where}: {key}", value, self.problems)

    def sections(self) -> Iterator[tuple[str, "Section"]]:
        """Every key that holds a table, with it; adds a problem for one that does not."""
        for key, value in self.table.items():
            section = self.section(key)
            if isinstance(value, dict):
                yield key, section

    def text_table(self, key: str) -> dict[str, str]:
        """A table of texts, empty when the key is absent."""
        inner = self.section(key)
        return {name: inner.text(name) for name in inner.table}

    def known(self, key: str, word: str, known: Iterable[str], kind: str) -> bool:
        """Whether a word is one of the known ones; adds a problem with the nearest one when it is not."""
        words = list(known)
        if word and word not in words:
            self.problem(key, f"`{word}` is no {kind}{did_you_mean(word, words)}")
        return word in words


def read_file(path: Path, problems: list[str]) -> Section | None:
    """A TOML file as a section. None, with a problem added, when it is not there or is no TOML."""
    try:
        return Section(path.name, tomllib.loads(path.read_text("utf-8"), parse_float=Decimal), problems)
    except FileNotFoundError:
        problems.append(
            f"{path.name}: there is no such file in {path.parent.absolute()} (BRIDGE_MAPPINGS names the folder)"
        )
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path.name}: cannot be read: {error}")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problems.append(f"{path.name}: is no TOML: {error}")
    return None
