"""DynamoDB on this machine: one emulator for all tests that need it, and a table of its own for each."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import pytest

from bridge.aws.client import AwsClient, service_client
from bridge.aws.credentials import Credentials, from_environment
from bridge.ledger.dynamodb import DynamoLedger, open_ledger

if not os.environ.get("BRIDGE_AWS_TEST"):
    pytest.skip("`make aws-test` sets up the AWS on this machine that this needs", allow_module_level=True)

KEY_SCHEMA = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
ATTRIBUTES = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}]

_running = pytest.StashKey["Dynamo"]()


@dataclass(frozen=True)
class Dynamo:
    """A running emulator: `environment` is what a program needs to use it."""

    environment: dict[str, str]

    def client(self) -> AwsClient:
        """A client of it; to be closed."""
        return service_client("dynamodb", self.environment, credentials=self._credentials)

    def new_table(self) -> str:
        """Make an empty table, as serverless.yml describes it; gives its name."""
        name = f"ledger-{uuid.uuid4()}"
        with closing(self.client()) as client:
            table = {"TableName": name, "KeySchema": KEY_SCHEMA, "AttributeDefinitions": ATTRIBUTES}
            client.call("CreateTable", {**table, "BillingMode": "PAY_PER_REQUEST"})
        return name

    @contextmanager
    def opened(self, table: str) -> Iterator[DynamoLedger]:
        """The ledger in a table."""
        with closing(open_ledger(f"dynamodb://{table}", self.environment, credentials=self._credentials)) as ledger:
            yield ledger

    def _credentials(self) -> Credentials:
        return from_environment(self.environment)


@pytest.fixture(scope="session")
def dynamo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dynamo:
    """The emulator, which the first test that needs it starts, and the end of all tests ends."""
    if _running not in request.config.stash:
        request.config.stash[_running] = _start(request, tmp_path_factory)
    return request.config.stash[_running]


def _start(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Dynamo:
    from aws.cloud import running_cloud

    stack = ExitStack()
    request.config.add_cleanup(stack.close)
    cloud = stack.enter_context(running_cloud(folders.mktemp("dynamo")))
    return Dynamo(cloud.environment())


@pytest.fixture
def table(dynamo: Dynamo) -> str:
    """The name of an empty table."""
    return dynamo.new_table()
