"""The log: one JSON line for each thing that happened, to standard error.

Lines are ASCII whatever is in them, so that nothing a stranger sent can start a new line or drive a terminal.
Callers put no secrets and no personal data in.
"""

import json
import logging
import sys
from collections.abc import Callable
from typing import Protocol

import orjson

from bridge.values.times import Clock, iso, system_clock

MAX_TEXT_CHARS = 500

Write = Callable[[bytes], object]


class Log(Protocol):
    """Writes that something happened, with what is to be known about it."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """`event` is a stable word such as `webhook`; a field's value is a string, number, boolean or None."""


class LineLog:
    """Writes each line at once. May be called from any thread."""

    def __init__(self, write: Write, clock: Clock = system_clock) -> None:
        self._write = write
        self._clock = clock

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one line now."""
        self._write(line(self._clock(), event, fields))


class ServerMessages(logging.Handler):
    """Turns the web server's own warnings and errors into lines of the log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; of an exception only its type, for its text may quote what a stranger sent."""
        exception = record.exc_info[0] if record.exc_info else None
        fault = exception.__name__ if exception else None
        self._log("server", level=record.levelname.lower(), message=record.getMessage().strip(), fault=fault)


def line(at_ms: int, event: str, fields: dict[str, object]) -> bytes:
    """One line of the log, with its newline; long texts are cut."""
    entry = {"time": iso(at_ms), "event": event, **fields}
    try:
        text = orjson.dumps(entry)
    except TypeError:  # orjson refuses lone surrogates
        text = b"\xff"
    if not text.isascii() or len(text) > MAX_TEXT_CHARS:
        text = json.dumps({name: _short(value) for name, value in entry.items()}).encode()
    return text + b"\n"


def to_stderr(lines: bytes) -> None:
    """Write to standard error. A broken pipe there must not keep a webhook from being accepted."""
    try:
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()
    except OSError:
        return


def fault_place(error: BaseException) -> str:
    """Where an unforeseen exception was raised, as `receive.py:88`: no values, for they may be a stranger's."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def _short(value: object) -> object:
    return value[:MAX_TEXT_CHARS] if isinstance(value, str) else value
