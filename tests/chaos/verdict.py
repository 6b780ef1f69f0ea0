"""What a round has found: faults, if any, and figures that add up over a run."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MOST_FAULTS = 20  # of one round: what is broken through and through need not be said a thousand times


@dataclass
class Verdict:
    """Faults and figures of a round or of a whole run."""

    faults: list[str] = field(default_factory=list)
    sums: Counter[str] = field(default_factory=Counter)
    windows: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)
    peak_memory_mb: dict[str, float] = field(default_factory=dict)

    def expect(self, right: bool, fault: str) -> None:
        """Note a fault unless it is right."""
        if not right and len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)

    def count(self, **sums: int) -> None:
        """Add to the figures, by names with underscores for blanks."""
        self.sums.update({name.replace("_", " "): number for name, number in sums.items()})

    def memory(self, scenario: str, megabytes: float) -> None:
        """Note how much memory a process had at its peak."""
        self.peak_memory_mb[scenario] = max(self.peak_memory_mb.get(scenario, 0), megabytes)

    def add(self, other: "Verdict") -> None:
        """Take in the verdict of a round."""
        self.faults += other.faults
        self.sums += other.sums
        self.windows += other.windows
        self.rounds += other.rounds
        for scenario, megabytes in other.peak_memory_mb.items():
            self.memory(scenario, megabytes)

    def figures(self) -> dict[str, object]:
        """The figures as one document."""
        return {
            "rounds": dict(self.rounds),
            **dict(self.sums),
            "kills that left": dict(self.windows),
            "peak memory, MB": {scenario: round(megabytes, 1) for scenario, megabytes in self.peak_memory_mb.items()},
        }

    def show(self, say: Callable[[str], None]) -> None:
        """Say the figures, a line each."""
        for name, found in self.figures().items():
            if isinstance(found, Mapping):
                say(f"{name}:")
                for part, number in found.items():
                    say(f"  {part:58} {number:>10,}")
            else:
                say(f"{name:60} {found:>10,}")


def write_latest(path: Path, seed: int, verdict: Verdict) -> None:
    """Write the figures and faults of a run for programs to read."""
    document = {"seed": seed, "faults": verdict.faults, **verdict.figures()}
    path.write_text(json.dumps(document, indent=2) + "\n")
