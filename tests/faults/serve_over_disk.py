"""`bridge serve` as it is, over a disk that is watched: `python -m tests.faults.serve_over_disk FOLDER`.

All that SQLite writes and syncs goes to `FOLDER/record`. While there is a file `FOLDER/trouble`, the disk refuses what
it names: a step (write, sync) and SQLite's result code for it, such as `write 13`.
"""

import os
import sys
from pathlib import Path

from bridge.interpreters import pipelines
from bridge.serve import serve
from bridge.settings import read_settings

from .disk import Layer
from .record import Recorder


def main(folder: Path) -> None:
    """Serve on a free port, by the environment's settings."""
    trouble = folder / "trouble"

    def refuse(what: str) -> int:
        try:
            refused, code = trouble.read_text(encoding="ascii").split()
        except FileNotFoundError:
            return 0
        return int(code) if what == refused else 0

    Layer(Recorder(folder / "record"), refuse)
    settings = read_settings(os.environ)
    serve(settings, "127.0.0.1", 0, pipelines(settings))


main(Path(sys.argv[1]))
