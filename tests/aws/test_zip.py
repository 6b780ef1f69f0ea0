"""The functions answer from the unpacked zip alone, in AWS's own runtime and an interpreter that has nothing else.

It is the zip for this machine's processor; test_package.py has it that the one for arm64 holds the same files.
"""

import subprocess
from pathlib import Path

import pytest

from aws.zip_rig import task
from bridge.aws.messages import unpack
from bridge.aws.package.archive import names
from bridge.aws.package.build import ROOT
from bridge.aws.package.modules import handlers
from bridge.standins.lambda_ingest import RUNTIME, Event, running_ingest
from bridge.standins.troubles import Answer

__all__ = ["task"]

SOURCES = ("stripe", "apple", "google")
SECRET_HEADERS = ("stripe-signature", "authorization")


def forged(webhook: Event) -> Event:
    """The same webhook, one character of what proves it changed."""
    headers = {name: _other(text) if name in SECRET_HEADERS else text for name, text in webhook["headers"].items()}
    body = webhook["body"] if headers != webhook["headers"] else _other(webhook["body"], 400)
    return {**webhook, "headers": headers, "body": body}


def _other(text: str, from_end: int = 20) -> str:
    place = len(text) - from_end
    return text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]


@pytest.mark.parametrize("source", SOURCES)
def test_a_webhook_is_proven_written_to_the_queue_and_answered(source: str, task: Path, tmp_path: Path) -> None:
    before = names(task)
    with running_ingest(source, task, tmp_path) as ingest:
        taken = [ingest.function(ingest.webhook(0)) for _ in range(2)]
        assert [(answer["statusCode"], answer["body"]) for answer in taken] == [(200, '{"status":"accepted"}')] * 2
        refused = ingest.function(forged(ingest.webhook(0)))
        assert refused["statusCode"] == (401 if source == "google" else 400)

        ingest.queue.troubles.extend([Answer(403)])
        assert ingest.function(ingest.webhook(0))["statusCode"] == 503
        assert [unpack(text, _no_object).source for text in ingest.queue.messages] == [source] * 2
    assert names(task) == before


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_settings_says_which(source: str, task: Path, tmp_path: Path) -> None:
    unset = dict.fromkeys(("STRIPE_WEBHOOK_SECRETS", "APPLE_APPS", "GOOGLE_PACKAGES", "GOOGLE_PUSH_AUDIENCE"), "")
    with running_ingest(source, task, tmp_path, **unset, GOOGLE_PUSH_ACCOUNT="") as ingest:
        assert ingest.function(ingest.webhook(0))["statusCode"] == 404


def test_each_module_in_it_finds_all_that_it_imports(task: Path) -> None:
    """Those of the handlers do their work as they are imported; what they import themselves is imported here."""
    modules = [name.removesuffix(".py").replace("/", ".") for name in names(task / "bridge") if name.endswith(".py")]
    whole = [f"bridge.{name}".removesuffix(".__init__") for name in modules]
    program = "; ".join(f"import {name}" for name in whole if name not in handlers(ROOT))
    subprocess.run([RUNTIME, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {program}"], cwd=task, check=True)


def _no_object(_name: str) -> bytes:
    raise AssertionError("no message here is that large")
