"""The bridge as `make deploy` puts it into a cloud, and what can be done to it from outside."""

import json
import os
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from aws.cloud import BUILD, PATIENCE_S, Cloud
from bridge.aws.credentials import from_environment
from bridge.ledger.dynamodb import DynamoLedger, open_ledger

TOOLS = BUILD / "deploy"
TOOLS_PATH = f"{TOOLS / 'bin'}:{TOOLS / 'node_modules' / '.bin'}:{os.environ['PATH']}"
ZIP = BUILD / "bridge-x86_64.zip"
FUNCTIONS = ("stripe", "apple", "google", "process", "schedule")


@dataclass(frozen=True)
class Stack:
    """A deployed bridge."""

    cloud: Cloud
    stage: str

    def deploy(self, **environment: str) -> None:
        """Deploy it, or deploy it anew: the functions then read their settings again."""
        words = ["osls", "deploy", "--force", "--stage", self.stage]
        tools = {"PATH": TOOLS_PATH, "HOME": os.environ["HOME"], "BRIDGE_ZIP": str(ZIP)}
        done = subprocess.run(
            words,
            cwd=BUILD.parent,
            check=False,
            env=tools | self.cloud.environment() | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for name in FUNCTIONS:
            self._let_read_settings(name)

    def _let_read_settings(self, name: str) -> None:
        """The emulator looks for the right to GetParameters under `*`, and AWS under the names of the parameters.
        So here each function gets that right as well; test_template.py holds the names against what is asked for."""
        statement = {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam = self.cloud.client("iam")
        iam.put_role_policy(RoleName=self.role(name), PolicyName="of-the-emulator", PolicyDocument=document)

    def role(self, name: str) -> str:
        """The name of a function's role."""
        found = self.cloud.client("lambda").get_function_configuration(FunctionName=self.function(name))
        role: str = found["Role"].rpartition("/")[2]
        return role

    def set(self, settings: Mapping[str, str]) -> None:
        """Put settings into the Parameter Store, as a person does."""
        store = self.cloud.client("ssm")
        for name, value in settings.items():
            path = f"/webhook-bridge/{self.stage}/{name}"
            store.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=True)

    def output(self, name: str) -> str:
        """An output of the stack."""
        described = self.cloud.client("cloudformation").describe_stacks(StackName=f"webhook-bridge-{self.stage}")
        found: dict[str, str] = {one["OutputKey"]: one["OutputValue"] for one in described["Stacks"][0]["Outputs"]}
        return found[name]

    def url(self) -> str:
        """The deployed HTTP API, by a path of the emulator's own address."""
        api_id = httpx.URL(self.output("StripeUrl")).host.partition(".")[0]
        return f"{self.cloud.url}/_aws/execute-api/{api_id}/$default"

    def ledger(self) -> DynamoLedger:
        """Its ledger, as a person's commands open it."""
        environment = self.cloud.environment()
        url = self.output("LedgerSetting").removeprefix("BRIDGE_LEDGER=")
        return open_ledger(url, environment, credentials=partial(from_environment, environment))

    def free_leases(self) -> None:
        """End all rights to map and to deliver now, as they end by themselves in less than two minutes."""
        table, database = self.output("LedgerSetting").rpartition("/")[2], self.cloud.client("dynamodb")
        for item in database.scan(TableName=table)["Items"]:
            if item["pk"]["S"].startswith("lease#"):
                database.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})

    def waiting(self, queue: str) -> int:
        """How many messages are in a queue, in the hands of a function or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        got = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.output(queue), AttributeNames=names)
        return sum(int(got["Attributes"][name]) for name in names)

    def function(self, name: str) -> str:
        """The whole name of a function, such as `stripe`."""
        return f"webhook-bridge-{self.stage}-{name}"

    def tick(self) -> "Invoked":
        """What the schedule does every minute, now."""
        return self._invoke("schedule", {"work": "minute"})

    def keep_house(self) -> "Invoked":
        """What the schedule does every hour, now."""
        return self._invoke("schedule", {"work": "hour"})

    def hand_over(self, messages: Sequence[str]) -> "Invoked":
        """Hand a batch of messages to the processing function, past the queue."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(messages)]
        return self._invoke("process", {"Records": records})

    def kill(self, name: str) -> int:
        """Kill the processes in which a function runs, as a crash would. Gives how many there were."""
        killed = 0
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and _runs(folder, self.cloud.pid, self.function(name)):
                os.kill(int(folder.name), signal.SIGKILL)
                killed += 1
        return killed

    @contextmanager
    def patient(self, visibility_s: int, tries: int = 10) -> Iterator[None]:
        """Let messages come back sooner than after six minutes, and be dead after so many tries."""
        dead = self._queue("DeadLettersQueue", "QueueArn")
        self._set_queue(visibility_s, tries, dead)
        try:
            yield
        finally:
            self._set_queue(360, 10, dead)

    @contextmanager
    def without_ledger(self) -> Iterator[None]:
        """Take the right to the ledger from the processing function, as an outage of DynamoDB would."""
        iam, role = self.cloud.client("iam"), self.role("process")
        statement = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=role, PolicyName="outage", PolicyDocument=document)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="outage")

    def send(self, queue: str, text: str) -> None:
        """Put a message into a queue."""
        self.cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=text)

    def redrive(self) -> None:
        """Send the dead letters back, as StartMessageMoveTask does, which the emulator lacks."""
        sqs, dead = self.cloud.client("sqs"), self.output("DeadLettersQueue")
        while found := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.send(self.output("NotificationsQueue"), message["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])

    def _queue(self, queue: str, attribute: str) -> str:
        got = self.cloud.client("sqs").get_queue_attributes(QueueUrl=self.output(queue), AttributeNames=[attribute])
        found: str = got["Attributes"][attribute]
        return found

    def _set_queue(self, visibility_s: int, tries: int, dead: str) -> None:
        redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": tries})
        attributes = {"VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive}
        self.cloud.client("sqs").set_queue_attributes(QueueUrl=self.output("NotificationsQueue"), Attributes=attributes)

    def _invoke(self, name: str, event: Mapping[str, object]) -> "Invoked":
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.function(name), Payload=json.dumps(event), LogType="Tail"
        )
        log = b64decode(answer.get("LogResult", "")).decode()
        return Invoked("FunctionError" in answer, json.loads(answer["Payload"].read() or b"null"), log)


@dataclass(frozen=True)
class Invoked:
    """What came of calling a function: whether it ended in an error, what it answered, the end of its log."""

    failed: bool
    answer: Any
    log: str

    @property
    def is_well(self) -> bool:
        """Whether nothing went wrong, for the function itself or in what it did."""
        failures = self.answer["batchItemFailures"] if isinstance(self.answer, dict) and not self.failed else []
        return not self.failed and not failures and '"level":"error"' not in self.log


@contextmanager
def deployed(cloud: Cloud, stage: str, settings: Mapping[str, str]) -> Iterator[Stack]:
    """A bridge with these settings, until the block ends."""
    stack = Stack(cloud, stage)
    stack.set(settings)
    stack.deploy()
    yield stack


def eventually(true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until it is true; fail when it takes too long."""
    give_up_at = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < give_up_at, "it did not become true"
        time.sleep(0.05)


def _runs(folder: Path, parent: int, function: str) -> bool:
    try:
        status = (folder / "status").read_text()
        environment = (folder / "environ").read_bytes()
    except OSError:
        return False
    return f"PPid:\t{parent}\n" in status and f"AWS_LAMBDA_FUNCTION_NAME={function}\0".encode() in environment
