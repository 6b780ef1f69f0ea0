"""Whatever a stranger gets into a line of the log, it stays one line of plain characters, of bounded length."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.log import MAX_TEXT_CHARS, LineLog

ANYTHING = st.text(st.characters() | st.sampled_from("\ud800\n\r\x1b\x85\x9b\u2028é"), max_size=MAX_TEXT_CHARS + 100)


@given(said=ANYTHING)
def test_a_line_of_the_log_is_one_line_of_plain_characters(said: str) -> None:
    lines: list[bytes] = []
    LineLog(lines.append, lambda: 0)("webhook", type=said)
    (line,) = lines
    assert line.endswith(b"\n")
    assert line.isascii()
    assert all(byte >= 0x20 for byte in line[:-1])
    found = json.loads(line)
    assert {**found, "type": ""} == {"time": "1970-01-01T00:00:00Z", "event": "webhook", "type": ""}
    assert found["type"] in (said, said[:MAX_TEXT_CHARS])
    assert len(line) <= MAX_TEXT_CHARS * 12 + 100  # a character outside the first 65,536 takes two escapes
