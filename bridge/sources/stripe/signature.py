"""The signature check of the `stripe` package, without the HTTP clients that the package brings along.

As it is imported it imports each one that it finds, to call Stripe's API with, for which the bridge does not use it.
They are nearly half of what importing the receiving half would take (60 ms of 130 in a function on AWS, measured).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _not_found(*packages: str) -> Iterator[None]:
    """Importing these fails in the block, unless they are imported already: None in the cache of modules means that
    there is no such module (https://docs.python.org/3/reference/import.html#the-module-cache)."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # typeshed does not know of None
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _not_found("requests", "httpx"):
    from stripe import SignatureVerificationError, WebhookSignature


def signed_with(secret: str, header: str, body: bytes) -> bool:
    """Whether a Stripe-Signature header signs this body with this secret (`whsec_…`), at whatever time."""
    try:
        WebhookSignature.verify_header(body, header, secret)
    except (SignatureVerificationError, UnicodeDecodeError):
        return False
    return True
