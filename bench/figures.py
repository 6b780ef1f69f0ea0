"""The figures: each a ratio and what it is to reach."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

LATEST = Path(__file__).parent / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One ratio. `to_reach` is the bound it should stay at or below."""

    name: str
    ratio: float
    to_reach: float

    def __str__(self) -> str:
        return f"{self.name}: {self.ratio:.3f} (to reach: <= {self.to_reach:g})"


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rounds that were measured next to each other: what disturbs one disturbs both."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def write_latest(figures: Iterable[Figure], path: Path = LATEST) -> None:
    """Write bench/latest.json."""
    document = {figure.name: {"ratio": round(figure.ratio, 4), "to_reach": figure.to_reach} for figure in figures}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
