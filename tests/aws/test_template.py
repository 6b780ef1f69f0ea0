"""The template held against the program: the figures that must fit each other, the rights, the names."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aws.cloud import BUILD
from aws.stack import FUNCTIONS, TOOLS_PATH
from bridge.aws.home import LEASE_MS
from bridge.aws.parameters import INGEST
from bridge.aws.shift import RESERVE_MS

STAGE = "prod"
OURS = {"SOURCE", "QUEUE_URL", "OVERSIZE_BUCKET", "SETTINGS_PATH", "BRIDGE_LEDGER"}
Resources = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates of both steps, as osls writes them; without any credentials and without network."""
    folder = tmp_path_factory.mktemp("templates")
    environment = {"PATH": TOOLS_PATH, "HOME": str(folder), "BRIDGE_ZIP": "template.zip"}
    shutil.copy(BUILD.parent / "serverless.yml", folder)
    (folder / "template.zip").write_bytes(b"PK\5\6" + bytes(18))
    words = ["osls", "package", "--stage", STAGE]
    done = subprocess.run(words, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / ".serverless"


@pytest.fixture(scope="module")
def resources(folder: Path) -> Resources:
    """What is made."""
    found: Resources = json.loads((folder / "cloudformation-template-update-stack.json").read_text())["Resources"]
    return found


def functions(resources: Resources) -> dict[str, Any]:
    return {name: resources[f"{name.title()}LambdaFunction"]["Properties"] for name in FUNCTIONS}


def test_cfn_lint_finds_nothing(folder: Path) -> None:
    # W3005: osls names an order that CloudFormation would find by itself.
    words: list[str | Path] = [
        BUILD / "cloud" / "bin" / "cfn-lint",
        "-r",
        "us-east-1",
        "-i",
        "W3005",
        "-t",
        *folder.glob("*stack.json"),
    ]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("source", INGEST)
def test_a_function_may_read_its_own_settings_and_no_others(resources: Resources, source: str) -> None:
    (statement,) = statements(resources, source, "Settings")
    arns = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    assert [arn["Fn::Sub"].rpartition("/")[2] for arn in arns] == list(INGEST[source])
    assert all(f":parameter/webhook-bridge/{STAGE}/" in arn["Fn::Sub"] for arn in arns)


def test_every_function_has_a_role_of_its_own_for_named_resources(resources: Resources) -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions(resources).values()]
    assert len(set(roles)) == len(FUNCTIONS)
    for name in FUNCTIONS:
        for statement in statements(resources, name):
            assert '"*"' not in json.dumps(statement["Resource"])
            assert not re.search(r'"[a-z0-9]+:\*"', json.dumps(statement["Action"]))


def test_nothing_secret_is_in_the_environment_of_a_function(resources: Resources) -> None:
    for properties in functions(resources).values():
        assert set(properties["Environment"]["Variables"]) <= OURS


def test_the_times_fit_each_other(resources: Resources) -> None:
    process, schedule = (functions(resources)[name]["Timeout"] for name in ("process", "schedule"))
    queue = resources["Notifications"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * process
    assert max(process, schedule) * 1_000 < LEASE_MS
    assert process * 1_000 / 2 > RESERVE_MS
    for name in ("Notifications", "DeadLetters"):
        assert resources[name]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3_600
        assert resources[name]["Properties"]["SqsManagedSseEnabled"] is True


def test_what_was_sent_is_never_forgotten(resources: Resources) -> None:
    ledger = resources["Ledger"]
    assert (ledger["DeletionPolicy"], ledger["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert ledger["Properties"]["DeletionProtectionEnabled"] is True
    assert ledger["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_every_alarm_rings_somewhere_and_is_explained(resources: Resources) -> None:
    page = (BUILD.parent / "docs" / "aws.md").read_text()
    alarms = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 7
    for alarm in alarms:
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
        assert alarm["AlarmName"].replace(f"webhook-bridge-{STAGE}", "`…") + "`" in page


def statements(resources: Resources, function: str, sid: str = "") -> list[dict[str, Any]]:
    (policy,) = resources[f"{function.title()}Role"]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return [statement for statement in found if sid in ("", statement["Sid"])]
