"""`bridge serve` as it is, by a clock in a file: `python -m tests.chaos.serve_by_clock FILE`."""

import os
import sys
from pathlib import Path

from bridge.interpreters import pipelines
from bridge.serve import serve
from bridge.settings import read_settings

from .clock import SharedClock


def main(file: Path) -> None:
    """Serve on a free port, by the environment's settings."""
    settings = read_settings(os.environ)
    serve(settings, "127.0.0.1", 0, pipelines(settings), clock=SharedClock(file))


main(Path(sys.argv[1]))
