"""Items of a DynamoDB table as Python holds them, and as DynamoDB writes them.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bridge.values import jsontext

Value = str | int | Decimal | bytes | None
Item = dict[str, Any]
"""An item's attributes by name. A number that is whole is an int, another one a Decimal."""

MAX_PACKED_BYTES = 350_000  # of an item's 400 KB; the rest is left to its other attributes


def written(item: Mapping[str, Value]) -> dict[str, Any]:
    """The item as DynamoDB takes it; an attribute that is None is left out."""
    return {name: written_value(value) for name, value in item.items() if value is not None}


def written_value(value: Value) -> dict[str, str]:
    """One attribute's value as DynamoDB takes it."""
    if isinstance(value, bytes):
        return {"B": b64encode(value).decode()}
    if isinstance(value, str):
        return {"S": value.encode("utf-8", "replace").decode()}  # half a character has no place in DynamoDB
    return {"N": format(value, "f") if isinstance(value, Decimal) else str(value)}


def read(item: Mapping[str, Any]) -> Item:
    """The item that DynamoDB wrote."""
    return {name: _read_value(value) for name, value in item.items()}


def packed(value: Any) -> bytes:
    """A JSON value, compressed: a write costs by the kilobyte."""
    return zlib.compress(jsontext.dumps(value))


def unpacked(data: bytes) -> Any:
    """The JSON value again."""
    return jsontext.loads(zlib.decompress(data))


def _read_value(value: Mapping[str, str]) -> Value:
    ((kind, text),) = value.items()
    if kind == "B":
        return b64decode(text)
    if kind == "N":
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else number
    return text
