"""What docs/aws.md says of taking a bridge down, coming back and rolling back, done by its own commands."""

import os
import re
import subprocess
from contextlib import closing

import pytest

from aws.cloud import BUILD, Cloud
from aws.stack import Stack
from bridge.sources.stripe.receive import notification_of
from bridge.values.times import system_clock


@pytest.fixture
def brief(cloud: Cloud) -> Stack:
    """A bridge of its own, that nobody sends anything."""
    return Stack(cloud, "brief")


def make(stack: Stack, target: str, **variables: str) -> str:
    """Run a target of the Makefile for the stack. Gives what it says."""
    words = ["make", target, f"STAGE={stack.stage}", *(f"{name}={value}" for name, value in variables.items())]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **stack.cloud.environment()}
    done = subprocess.run(words, cwd=BUILD.parent, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_ledger_outlives_its_stack_and_an_earlier_deployment_can_be_gone_back_to(brief: Stack) -> None:
    brief.deploy()
    with closing(brief.ledger()) as ledger:
        ledger.keep([notification_of(b'{"id": "evt_1Pbrief"}', system_clock())])
    make(brief, "remove")
    brief.deploy(LEDGER_EXISTS="yes")
    with closing(brief.ledger()) as ledger:
        assert len(ledger.find()) == 1
    (first,) = re.findall(r"Timestamp: (\d+)", make(brief, "rollback"))
    brief.deploy(LEDGER_EXISTS="yes")
    assert len(re.findall(r"Timestamp: \d+", make(brief, "rollback"))) == 2
    make(brief, "rollback", TO=first)
    assert not brief.tick().failed
