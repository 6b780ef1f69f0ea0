"""`bridge check`: settings and mappings, every problem at once."""

import os
from pathlib import Path

import click

from bridge.errors import SettingsError
from bridge.interpreters import STATING, interpreters, mappings_folder
from bridge.settings import Settings, read_settings


@click.command()
@click.option("--facts", type=click.Choice(sorted(STATING)), help="List the words that a source's mapping may use.")
def check(facts: str | None) -> None:
    """Check the settings and the mappings.

    Tells every problem at once; the exit code is 2 if there is any.
    """
    if facts:
        _list_facts(facts)
        return
    problems: list[str] = []
    settings = _settings(problems)
    try:
        loaded = interpreters(settings)
    except SettingsError as error:
        raise SettingsError([*problems, *error.problems]) from None
    if problems:
        raise SettingsError(problems)
    _say(settings, {name: len(one.mapping.rules) for name, one in loaded.items()})


def _settings(problems: list[str]) -> Settings:
    try:
        return read_settings(os.environ)
    except SettingsError as error:
        problems.extend(error.problems)
        return Settings(mappings=_named_folder())


def _named_folder() -> Path | None:
    """The user's own mappings, to be checked whatever is wrong with other settings."""
    text = os.environ.get("BRIDGE_MAPPINGS", "").strip()
    return Path(text) if text and Path(text).is_dir() else None


def _say(settings: Settings, rules: dict[str, int]) -> None:
    for source, count in rules.items():
        click.echo(f"{source}.toml: {count} rules ({mappings_folder(settings)})")
    for source, names in settings.missing().items():
        click.echo(f"{source}: not configured, its URL answers 404; set {', '.join(names)}")
    if settings.flokit.api_key is None:
        click.echo("FloKit: FLOKIT_API_KEY is not set, so events are kept and not sent")
    click.echo("no problems")


def _list_facts(source: str) -> None:
    for path, spec in sorted(STATING[source].vocabulary.facts.items()):
        words = f" ({', '.join(sorted(spec.values))})" if spec.values else ""
        click.echo(f"{path:34} {spec.kind:9} {spec.doc}{words}")
