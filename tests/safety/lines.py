"""The list of safety lines, as lines.toml has it."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class SafetyLine:
    """A piece of a file that stands in it exactly once; `instead` is what a careless change would leave of it.

    `tests` are those that have to fail then, as pytest names them; `why` says what would happen to people's money.
    """

    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]
    why: str

    def check(self, tree: Path = ROOT) -> None:
        """Raise LookupError unless the piece stands in its file exactly once."""
        found = (tree / self.file).read_text().count(self.text)
        if found != 1:
            raise LookupError(f"safety line {self.name!r}: found {found} times in {self.file}; mend lines.toml")


@cache
def safety_lines() -> tuple[SafetyLine, ...]:
    """All of them."""
    found = tomllib.loads((Path(__file__).parent / "lines.toml").read_text())
    return tuple(SafetyLine(**{**line, "tests": tuple(line["tests"])}) for line in found["line"])


def by_name(name: str) -> SafetyLine:
    """The line of that name. Raises LookupError when there is none."""
    for line in safety_lines():
        if line.name == name:
            return line
    raise LookupError(f"there is no safety line {name!r}")
