"""The safety lines: each stands in the program once, and its tests are there. `make safety` tries them."""

import re

import pytest
from safety.lines import ROOT, SafetyLine, safety_lines


@pytest.mark.parametrize("line", safety_lines(), ids=lambda line: line.name)
def test_a_safety_line_stands_in_the_program_and_its_tests_exist(line: SafetyLine) -> None:
    line.check()
    assert line.text != line.instead
    assert line.why
    assert line.tests
    assert [test for test in line.tests if not is_there(test)] == []


def test_there_are_at_least_twelve_with_a_name_each() -> None:
    assert len({line.name for line in safety_lines()}) == len(safety_lines()) >= 12


def is_there(test: str) -> bool:
    """Whether a file has this test, in it or in the contract of ledgers that it inherits."""
    file, *names = test.split("::")
    text = (ROOT / file).read_text()
    inherited = (ROOT / "tests" / "ledger_contract.py").read_text()
    return all(re.search(rf"\b(def|class) {name}\b", text + inherited) for name in names)
