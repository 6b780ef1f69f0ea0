"""One DynamoDB table, read strongly consistent, with errors that say what to do."""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.aws.client import AwsClient
from bridge.aws.errors import AwsError
from bridge.errors import LedgerError
from bridge.ledger.dynamodb_items import Item, Value, read, written, written_value
from bridge.ledger.dynamodb_keys import Key

MAX_WRITES = 100  # of one transaction, which may have 4 MB:
MAX_BYTES = 3_500_000  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
MAX_READS = 100  # of one BatchGetItem

_NAME = re.compile(r"#(\w+)")

_ADVICE = {
    "ResourceNotFoundException": "there is no such table in this region; deploy the bridge, or mend BRIDGE_LEDGER",
    "AccessDeniedException": "these credentials may not use it; give them the rights that docs/aws.md lists",
    "ProvisionedThroughputExceededException": "DynamoDB holds it back; what was acknowledged is kept, try again",
    "ThrottlingException": "DynamoDB holds it back; what was acknowledged is kept, try again",
    "TransactionCanceledException": "others write the same at this moment; try again",
}


class ConditionFailed(Exception):
    """What was written does not stand as it was read: somebody else was faster. `item` is what stands there, if asked
    for."""

    def __init__(self, item: Item | None = None) -> None:
        super().__init__()
        self.item = item or {}


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction, as DynamoDB takes it, and about how large it is."""

    kind: str
    body: dict[str, Any]
    size_bytes: int = 0


class Table:
    """Reads and writes items. Safe to use from several threads. Everything raises LedgerError."""

    def __init__(self, client: AwsClient, name: str) -> None:
        self.name = name
        self._client = client
        self._is_closed = False

    def close(self) -> None:
        """Take no more calls."""
        self._is_closed = True
        self._client.close()

    # Reading

    def get(self, key: Key) -> Item | None:
        """The item of a key."""
        found = self._call("GetItem", {"Key": _key(key), "ConsistentRead": True}).get("Item")
        return read(found) if found else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that there are of these keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), MAX_READS):
            for item in self._batch([_key(key) for key in wanted[start : start + MAX_READS]]):
                found[item["pk"], item["sk"]] = item
        return found

    def query(  # noqa: PLR0913 - what a query may have, each by its name
        self,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        only: str = "",
        values: Mapping[str, Value] | None = None,
        newest_first: bool = False,
        page: int | None = None,
        fields: str = "",
    ) -> Iterator[Item]:
        """A partition's items in the order of their sort keys, read as they are asked for.

        `first` and `last` bound the sort key, both inclusive. `only` is a condition, with `#name` for an attribute and
        `:name` for one of `values`. `page` is how many items to read at once, `fields` the attributes that are needed.
        """
        wanted = {"KeyConditionExpression": "#pk = :pk", "ConsistentRead": True, "ScanIndexForward": not newest_first}
        known: dict[str, Value] = {"pk": partition, **(values or {})}
        if first is not None or last is not None:
            wanted["KeyConditionExpression"] = "#pk = :pk AND #sk BETWEEN :first AND :last"
            known |= {"first": first or " ", "last": last or "~"}
        wanted |= {"FilterExpression": only} if only else {}
        wanted |= {"ProjectionExpression": fields} if fields else {}
        wanted |= {"Limit": page} if page else {}
        return self._pages({**wanted, **_expressions([*map(str, wanted.values())], known)})

    def _pages(self, wanted: dict[str, Any]) -> Iterator[Item]:
        while True:
            answer = self._call("Query", wanted)
            yield from map(read, answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            wanted = {**wanted, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _batch(self, keys: list[dict[str, Any]]) -> Iterator[Item]:
        while keys:
            answer = self._call("BatchGetItem", {"RequestItems": {self.name: {"Keys": keys, "ConsistentRead": True}}})
            yield from map(read, answer["Responses"].get(self.name, ()))
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])

    # Writing

    def write(self, write: Write) -> Item:
        """One write by itself. Gives what it asked for to be returned. Raises ConditionFailed."""
        answer = self._call(f"{write.kind}Item", {**write.body})
        return read(answer.get("Attributes", {}))

    def transact(self, writes: Sequence[Write]) -> None:
        """All of these writes or none. Raises ConditionFailed."""
        if len(writes) == 1:
            self.write(writes[0])
            return
        items = [{write.kind: {"TableName": self.name, **write.body}} for write in writes]
        # The token makes a request that is sent again, after a lost answer, count once.
        self._call("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": str(uuid.uuid4())})

    def _call(self, operation: str, document: dict[str, Any]) -> dict[str, Any]:
        if self._is_closed:
            raise LedgerError(f"ledger {self.name}: it is closed")
        named = (
            document if operation in ("TransactWriteItems", "BatchGetItem") else {"TableName": self.name, **document}
        )
        try:
            return self._client.call(operation, named)
        except AwsError as error:
            if _is_condition(error):
                raise ConditionFailed(read(error.item)) from None
            raise LedgerError(f"ledger {self.name}: {_ADVICE.get(error.code, str(error))}") from error


def put(
    item: Mapping[str, Value],
    key: Key,
    condition: str = "",
    values: Mapping[str, Value] | None = None,
    *,
    tell: bool = False,
) -> Write:
    """Write a whole item, in place of what stood there; `tell` asks what that is when the condition fails."""
    size = sum(len(value) for value in item.values() if isinstance(value, str | bytes))
    asked = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if tell else {}
    return Write("Put", {"Item": {**written(item), **_key(key)}, **_conditional(condition, values), **asked}, size)


def delete(key: Key, condition: str = "", values: Mapping[str, Value] | None = None) -> Write:
    """Remove an item."""
    return Write("Delete", {"Key": _key(key), **_conditional(condition, values)})


def update(
    key: Key, expression: str, values: Mapping[str, Value], condition: str = "", names: Mapping[str, str] | None = None
) -> Write:
    """Change some attributes of an item, or make it."""
    body = {"Key": _key(key), "UpdateExpression": expression, **_conditional(condition, values, expression)}
    body.setdefault("ExpressionAttributeNames", {}).update(names or {})
    return Write("Update", body)


def check(key: Key, condition: str, values: Mapping[str, Value] | None = None) -> Write:
    """Write nothing, and let the transaction fail unless this holds."""
    return Write("ConditionCheck", {"Key": _key(key), **_conditional(condition, values)})


def transactions(groups: Iterable[Sequence[Write]]) -> Iterator[list[Write]]:
    """The writes in as few transactions as hold them; each group, which must fit into one, stays together."""
    parcel: list[Write] = []
    for group in groups:
        if parcel and not fits([*parcel, *group]):
            yield parcel
            parcel = []
        parcel.extend(group)
    if parcel:
        yield parcel


def fits(writes: Sequence[Write]) -> bool:
    """Whether one transaction can hold these."""
    return len(writes) <= MAX_WRITES and sum(write.size_bytes for write in writes) <= MAX_BYTES


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _conditional(condition: str, values: Mapping[str, Value] | None, *expressions: str) -> dict[str, Any]:
    known = {"ConditionExpression": condition} if condition else {}
    return {**known, **_expressions([condition, *expressions], values or {})}


def _expressions(texts: Sequence[str], values: Mapping[str, Value]) -> dict[str, Any]:
    """The names and values that expressions use. Every name is spelt `#name`, for many words are reserved."""
    names = {f"#{name}": name for text in texts for name in _NAME.findall(text)}
    known = {f":{name}": written_value(value) for name, value in values.items()}
    return {
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": known} if known else {}),
    }


def _is_condition(error: AwsError) -> bool:
    return error.code == "ConditionalCheckFailedException" or any(
        reason.code == "ConditionalCheckFailed" for reason in error.reasons
    )
