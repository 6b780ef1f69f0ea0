"""Words that a stranger wrote: ids, types, names."""

MAX_CHARS = 255  # as long as Stripe's ids may be (https://docs.stripe.com/upgrades)


def word(value: object, max_chars: int = MAX_CHARS) -> str:
    """An id or a name as it is, or nothing when it is not one that can safely stand in a log or a key."""
    sane = isinstance(value, str) and len(value) <= max_chars and value.isascii() and value.isprintable()
    return str(value) if sane else ""
