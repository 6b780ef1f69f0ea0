"""The commands. Exit codes: 0 done, 1 it could not be done, 2 settings, mappings or words to be corrected."""

import sys

import click

from bridge import __version__
from bridge.commands.check import check
from bridge.commands.demo import demo
from bridge.commands.doctor import doctor
from bridge.commands.explain import explain
from bridge.commands.replay import replay
from bridge.commands.serve import serve
from bridge.commands.simulate import simulate
from bridge.commands.status import status
from bridge.errors import BridgeError, SettingsError


class _Bridge(click.Group):
    """Turns the bridge's own errors into plain sentences, and a wrong word into a suggestion."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            sys.exit(2)
        except BridgeError as error:
            click.echo(str(error), err=True)
            sys.exit(1)


@click.group(cls=_Bridge, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bridge")
def main() -> None:
    """Turns Stripe, App Store and Google Play webhooks into exact revenue events in FloKit, once each.

    Settings come from environment variables; `bridge check` says what is missing. `bridge demo` needs none.
    """


for command in (serve, demo, check, doctor, explain, simulate, replay, status):
    main.add_command(command)
