"""The mappings: can they be used."""

from collections.abc import Iterable

from bridge.doctor.checks import Check, State
from bridge.errors import SettingsError
from bridge.interpreters import STATING, mappings_folder
from bridge.mapping.loading import load_all
from bridge.settings import Settings


def checks(settings: Settings) -> Iterable[Check]:
    """Read them all; each problem is a check of its own."""
    folder = mappings_folder(settings)
    try:
        loaded = load_all(folder, {name: stating.vocabulary for name, stating in STATING.items()})
    except SettingsError as error:
        for problem in error.problems:
            yield Check("mappings", State.WRONG, problem, "Mend the file; `bridge check` tells whether it is right.")
        return
    rules = sum(len(mapping.rules) for mapping in loaded.values())
    yield Check("mappings", State.OK, f"{rules} rules in {folder}")
