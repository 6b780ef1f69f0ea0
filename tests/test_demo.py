"""`bridge demo` as a process: it ends well, every sum is what the story says, and each event is on the screen."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from commands_rig import ROOT, Ran, Shell

from bridge.commands.demo import START
from bridge.settings import Settings
from bridge.standins.workspace import Totals
from bridge.stories.story import Story
from bridge.stories.tellers import TELLERS
from bridge.values.times import from_iso

EVENT = re.compile(
    r" +→ (?P<name>\w+) +(?:(?P<revenue>-?[\d,.]+) (?P<currency>[A-Z]{3}) +)?(?P<user>\S+) +key (?P<key>\S+)"
)
SUM = re.compile(r"(?P<source>\w+) +(?P<currency>[A-Z]{3}) +(?P<sold>\S+) +(?P<back>\S+) +(?P<kept>\S+) (?P<rest>.*)")
RETURN = re.compile(":refund_")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run, in a folder in which nothing is."""
    folder = tmp_path_factory.mktemp("demo")
    ran = Shell(folder, {}).run("demo")
    assert list(folder.iterdir()) == []
    return ran


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    """What each source has to tell."""
    start_ms = from_iso(START)
    keys = tmp_path_factory.mktemp("keys")
    return {source: make(keys, Settings(), start_ms).life(start_ms) for source, make in TELLERS.items()}


def chapters(demo: Ran) -> dict[str, list[re.Match[str]]]:
    """The lines of events, by source."""
    found: dict[str, list[re.Match[str]]] = {}
    for line in demo.lines:
        if title := re.match(r"(\w+): signed webhooks in", line):
            found[title[1].lower()] = []
        elif "→" in line:
            event = EVENT.fullmatch(line)
            assert event, line
            [*found.values()][-1].append(event)
    return found


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def test_it_ends_well(demo: Ran) -> None:
    assert (demo.code, demo.err) == (0, "")
    assert "\x1b" not in demo.out, "colours are for terminals"


def test_the_events_on_the_screen_add_up_to_the_story(demo: Ran, stories: dict[str, Story]) -> None:
    found = chapters(demo)
    assert list(found) == list(stories)
    for source, events in found.items():
        totals: dict[str, Totals] = {}
        for event in events:
            if event["revenue"]:
                total = totals.setdefault(event["currency"], Totals())
                if RETURN.search(event["key"]):
                    total.given_back -= number(event["revenue"])
                else:
                    total.sold += number(event["revenue"])
        assert totals == stories[source].totals


def test_no_event_comes_twice(demo: Ran) -> None:
    keys = [event["key"] for events in chapters(demo).values() for event in events]
    assert len(keys) == len(set(keys)) > 30


def test_every_webhook_is_told(demo: Ran, stories: dict[str, Story]) -> None:
    for story in stories.values():
        for delivery in story.deliveries:
            assert any(f"  {delivery.sentence}  {delivery.type}" in line for line in demo.lines), delivery.sentence
        assert any(delivery.repeats > 1 for delivery in story.deliveries)
        times = [delivery.at_ms for delivery in story.deliveries]
        assert times != sorted(times), "something comes out of order"


def test_the_table_of_sums(demo: Ran, stories: dict[str, Story]) -> None:
    start = demo.lines.index("At FloKit, and as the stories say it") + 2
    rows = [SUM.fullmatch(line) for line in demo.lines[start : demo.lines.index("", start)]]
    shown = {
        (row["source"], row["currency"]): (number(row["sold"]), number(row["back"]), number(row["kept"]))
        for row in rows
        if row and row["rest"].endswith("equal")
    }
    assert shown == {
        (source, currency): (total.sold, total.given_back, total.kept)
        for source, story in stories.items()
        for currency, total in story.totals.items()
    }
    assert len(shown) == len(rows)


def test_the_page_shows_what_is_really_there(demo: Ran) -> None:
    readme = (ROOT / "README.md").read_text()
    block = readme.partition("```text\n")[2].partition("```")[0].splitlines()
    shown = [line for line in block if line != "…"]
    assert [line for line in shown if line not in demo.lines] == []
    assert len(shown) > 10


def test_it_says_how_to_go_on(demo: Ran) -> None:
    assert "make serve" in demo.out.partition("Ready for your own:")[2]


def test_it_leaves_settings_of_the_shell_alone(tmp_path: Path) -> None:
    """Somebody who has a real key set must be able to look at the demo without harm."""
    shell = Shell(tmp_path, {"FLOKIT_API_KEY": "a_real_key", "FLOKIT_API_URL": "http://127.0.0.1:9"})
    assert shell.run("demo").code == 0


def test_the_three_stories_come_to_the_same_money(demo: Ran) -> None:
    rows = [line.split() for line in demo.lines if line.endswith("equal")]
    sums = {(row[0], row[1]): [Decimal(cell.replace(",", "")) for cell in row[2:5]] for row in rows}
    for source in ("stripe", "apple", "google"):
        assert sums[source, "JPY"] == [5_940, 1_980, 3_960]
        assert sums[source, "USD"] == [324, 30, 294]
