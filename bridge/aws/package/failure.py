"""What goes wrong in packaging, and running the programs that it takes."""

import subprocess
from collections.abc import Mapping, Sequence


class PackageError(Exception):
    """There is no zip; the text says why, and what to do about it."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run a program and give what it prints. Raises PackageError with what it says when it fails."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout
