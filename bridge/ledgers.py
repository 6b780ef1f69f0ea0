"""The ledger that BRIDGE_LEDGER names, whatever it is built on."""

from bridge.ledger.people import PeoplesLedger

DYNAMODB = "dynamodb://"


def open_ledger(url: str) -> PeoplesLedger:
    """Open it. Raises LedgerError when it cannot be used, with what to do about it."""
    if url.startswith(DYNAMODB):
        return _dynamodb(url)
    from bridge.ledger.sqlite import open_ledger as sqlite  # noqa: PLC0415 - only the one that is named is loaded

    return sqlite(url)


def _dynamodb(url: str) -> PeoplesLedger:
    from bridge.aws.laptop import find_credentials, with_region  # noqa: PLC0415 - as above
    from bridge.ledger.dynamodb import open_ledger as dynamodb  # noqa: PLC0415

    return dynamodb(url, with_region(), credentials=find_credentials())
