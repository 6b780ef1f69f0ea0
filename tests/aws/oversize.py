"""A webhook that no message of the queue can hold, though it is within the bridge's own bounds."""

import string
from itertools import count
from random import Random

from chaos.lives import Webhook

from bridge.values import jsontext
from bridge.values.times import system_clock

_ALPHABET = "".join(sorted(set(string.printable) - set(string.whitespace) - set('"\\')))
_numbers = count()


def oversize() -> Webhook:
    """A Stripe event of a type that nothing is made of, with a megabyte that cannot be packed."""
    number = next(_numbers)
    now_ms = system_clock()
    noise = "".join(Random(number).choices(_ALPHABET, k=1_030_000))
    document = {
        "id": f"evt_1Poversize{number}_{now_ms}",
        "object": "event",
        "type": "charge.succeeded",
        "created": now_ms // 1_000,
        "livemode": True,
        "data": {"object": {"noise": noise}},
    }
    return Webhook("stripe", str(document["id"]), now_ms, jsontext.dumps(document))
