"""README and docs cannot lie: their tables are held against the program, and their commands are run."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from commands_rig import ROOT

from bridge.commands import main
from bridge.interpreters import STATING, interpreters
from bridge.mapping.engine import Mapping as Rules
from bridge.settings import KNOWN, Settings, read_settings
from bridge.settings_apple import MAX_AGE_DAYS
from bridge.settings_google import CERTS_URL, PLAY_URL
from bridge.sources.stripe.source import TYPES
from bridge.values import jsontext

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
NONE = "none"


@cache
def text(page: Path) -> str:
    return page.read_text()


def table(page: Path, *head: str) -> dict[str, list[str]]:
    """The rows of the table with this head: the first cell (without its backticks) and the others."""
    lines = iter(text(page).splitlines())
    wanted = f"| {' | '.join(head)} |"
    assert wanted in lines, f"{page.name} has no table {wanted}"
    next(lines)
    rows: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("|"):
            break
        first, *others = [cell.strip() for cell in line.strip().strip("|").split("|")]
        assert first not in rows, f"{first} stands twice in {page.name}"
        rows[first.strip("`")] = others
    return rows


@cache
def loaded() -> Mapping[str, Rules]:
    """The shipped mappings by source."""
    return {source: interpreter.mapping for source, interpreter in interpreters(Settings()).items()}


def taxonomy_of_all() -> Rules:
    return next(iter(loaded().values()))


# settings


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(table(README, "setting", "default", "meaning")) == KNOWN


def test_the_defaults_are_those_of_the_program() -> None:
    nothing = read_settings({})
    known = {
        "STRIPE_API_URL": "https://api.stripe.com",
        "FLOKIT_API_URL": nothing.flokit.api_url,
        "FLOKIT_REQUESTS_PER_MINUTE": nothing.flokit.requests_per_minute,
        "BRIDGE_KEEP_BODIES_DAYS": str(nothing.keep_bodies_days),
        "BRIDGE_LEDGER": nothing.ledger_url,
        "APPLE_MAX_AGE_DAYS": MAX_AGE_DAYS,
        "GOOGLE_CERTS_URL": CERTS_URL,
        "GOOGLE_PLAY_URL": PLAY_URL,
    }
    in_words = {"BRIDGE_MAPPINGS", "APPLE_ROOT_CERTIFICATES"}
    for name, (default, _) in table(README, "setting", "default", "meaning").items():
        if name not in in_words:
            assert default == (f"`{known[name]}`" if name in known else NONE), name
    with_stripe = read_settings({"STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef"}).stripe
    assert with_stripe
    assert with_stripe.api_url == known["STRIPE_API_URL"]


# commands


def test_every_command_and_option_is_documented_and_no_other() -> None:
    rows = {name.removeprefix("bridge "): row[0] for name, row in table(README, "command", "does").items()}
    assert set(rows) == set(main.commands)
    for name, command in main.commands.items():
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert set(re.findall(r"--[a-z][a-z-]*", rows[name])) == options, name


# events and properties


def test_every_event_is_documented_as_it_is() -> None:
    rows = table(README, "event", "when", "money", "key", "sent", "documented by FloKit", "sources")
    events = taxonomy_of_all().taxonomy.events
    assert set(rows) == set(events)
    for name, (when, money, _key, sent, documented, sources) in rows.items():
        event = events[name]
        assert when
        assert (money, sent, documented, sources) == (
            str(event.money),
            "yes" if event.send else "off",
            "yes" if event.documented else "no",
            ", ".join(source for source, rules in loaded().items() if _emits(rules, name)),
        ), name
        assert event.name == name


def _emits(rules: Rules, event: str) -> bool:
    return any(rule.emission is not None and rule.emission.event.key == event for rule in rules.rules)


def test_the_keys_of_all_golden_events_have_the_documented_form() -> None:
    rows = table(README, "event", "when", "money", "key", "sent", "documented by FloKit", "sources")
    forms = {name: _pattern(row[2].strip("`")) for name, row in rows.items()}
    seen = set()
    for source in STATING:
        for file in (ROOT / "fixtures" / source).glob("*/expected.json"):
            for event in jsontext.loads(file.read_bytes())["events"]:
                name, key = event["event"]["event"], event["key"]
                assert forms[name].fullmatch(key), f"{file.parent.name}: {key} is not of the form of {name}"
                seen.add(name)
    takes_two_lives = {"revenue_corrected"}  # of one fact, the first of them sent: tests/test_corrections.py
    assert seen | takes_two_lives == {name for name, row in rows.items() if row[2]}


def _pattern(form: str) -> re.Pattern[str]:
    """`<sale>:refund_issued[:<refund>]` as a pattern; a connected account may stand in front, and the product behind
    an order of Google's."""
    pattern = re.sub(r"<[^>]+>", "[^:]+", form.replace("[", "(?:").replace("]", ")?"))
    pattern = pattern.replace("[^:]+", "(?:GPA[^:]+:[^:]+|[^:]+)", 1)
    return re.compile(f"(?:acct_[^:]+:)?{pattern}")


def test_every_property_is_documented_as_it_is() -> None:
    rows = table(ROOT / "docs" / "properties.md", "property", "documented", "meaning")
    properties = taxonomy_of_all().taxonomy.properties
    assert list(rows) == list(properties), "in the order of taxonomy.toml"
    for name, (documented, meaning) in rows.items():
        assert (documented, properties[name].name) == ("yes" if properties[name].documented else "no", name)
        assert meaning


def test_the_lines_to_change_are_there() -> None:
    rules = {rule.name for rule in loaded()["stripe"].rules}
    for what, (file, line) in table(README, "you want", "file", "the line").items():
        name = file.strip("`")
        assert (ROOT / "mappings" / name).is_file(), what
        if quoted := re.search(r'rule "([^"]+)"', line):
            assert quoted[1] in rules, what


# Stripe's event types


def test_every_type_with_facts_is_selected_or_explained() -> None:
    selected = set(table(README, "select in Stripe", "why"))
    for_more = set(table(ROOT / "docs" / "stripe.md", "select in Stripe", "for"))
    assert selected & for_more == set()
    assert selected | for_more == TYPES


# the log


def test_every_word_of_the_log_is_documented_and_no_other() -> None:
    rows = table(ROOT / "docs" / "operations.md", "event", "says", "look when")
    documented = {word for names in rows for word in names.replace("`", "").split(", ")}
    assert documented == {word for file in (ROOT / "bridge").rglob("*.py") for word in _logged(file)}


def _logged(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and _called(node.func) in ("log", "_log") and node.args:
            word = node.args[0]
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                yield word.value


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


# links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            other = (page.parent / path).resolve() if path else page
            assert other.exists(), target
            assert not anchor or anchor in _anchors(other), target


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", text(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_examples_in_python_are_python() -> None:
    blocks = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", text(page), re.DOTALL)]
    assert blocks
    for block in blocks:
        ast.parse(block)
