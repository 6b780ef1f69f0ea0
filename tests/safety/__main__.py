"""Delete each safety line in a copy of the program and see that its tests fail: `python -m tests.safety [NAME …]`.

First the tests are run on an undamaged copy, where all of them have to pass. A name picks the lines that contain it.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .lines import ROOT, SafetyLine, safety_lines
from .trees import copy, damaged

AT_ONCE = 2
LONGEST_S = 600
PASSED, FAILED = 0, 1  # pytest's exit codes; others say that it could not run the tests at all


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one test of a damaged line: pytest's exit code, and what the test said."""

    line: SafetyLine
    test: str
    code: int
    said: str

    @property
    def row(self) -> str:
        """The line, where it stands, its test and what came of it, as a row of a table."""
        verdict = {PASSED: "NOT NOTICED", FAILED: self.said}.get(self.code, f"BROKEN: pytest ended with {self.code}")
        return f"| {self.line.name} | `{self.line.file}` | `{self.test.rpartition('/')[2]}` | {verdict} |"


def main(names: Sequence[str]) -> int:
    """Try the lines whose name contains one of `names`, all without any. Gives 0 when each is noticed, else 1."""
    lines = [line for line in safety_lines() if not names or any(name in line.name for name in names)]
    with tempfile.TemporaryDirectory() as folder:
        undamaged = copy(ROOT, Path(folder) / "undamaged")
        if not passes(lines, undamaged):
            return 1
        with ThreadPoolExecutor(AT_ONCE) as threads:
            trials = [trial for some in threads.map(partial(tried, undamaged=undamaged), lines) for trial in some]
    missed = {trial.line.name for trial in trials if trial.code != FAILED}
    print(f"{len(lines) - len(missed)} of {len(lines)} safety lines are noticed when they are gone")
    return 1 if missed else 0


def passes(lines: Sequence[SafetyLine], tree: Path) -> bool:
    """Run all tests of the lines, to see that they pass."""
    done = run(sorted({test for line in lines for test in line.tests}), tree)
    if done.returncode != PASSED:
        print(done.stdout, "The tests do not pass on the undamaged program.", sep="\n")
    return done.returncode == PASSED


def tried(line: SafetyLine, undamaged: Path) -> list[Trial]:
    """Damage the line in a copy of its own, and run each of its tests there."""
    trials = []
    with tempfile.TemporaryDirectory() as folder:
        tree = damaged(line, undamaged, Path(folder) / "tree")
        for test in line.tests:
            done = run([test], tree)
            trials.append(Trial(line, test, done.returncode, said_by(done.stdout)))
            print(trials[-1].row, flush=True)
    return trials


def said_by(output: str) -> str:
    """Why the test failed, in pytest's words: the first of the lines that it marks with E."""
    reasons = (line[1:].strip() for line in output.splitlines() if line.startswith("E  "))
    return next(reasons, "")[:100].replace("|", "/")


def run(tests: Sequence[str], tree: Path) -> subprocess.CompletedProcess[str]:
    """Run tests in a tree up to the first that fails. One that hangs is ended, with all that it started."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
