"""Who it is about: the ids the app gave Stripe, and the subjects under which the ledger remembers a user."""

import hashlib

from bridge.values.reader import Reader
from bridge.values.records import Document


def person_facts(thing: Reader, *, subjects: tuple[str | None, ...] = ()) -> Document:
    """Candidates for the user id, in whatever place the object has them, and what the ledger files the user under.

    `subjects` come nearest first: a user known for the subscription goes before one known for the customer.
    """
    # Accounts v2: `customer` may be null and `customer_account` (acct_…) stand in its place.
    customer = thing.identifier("customer", "customer_account")
    known = list(dict.fromkeys(subject for subject in (*subjects, customer) if subject))
    facts: Document = {
        "customer_id": customer,
        "client_reference_id": thing.text("client_reference_id"),
        "metadata": metadata(thing.child("metadata")),
        "subscription_metadata": metadata(
            thing.child("parent.subscription_details.metadata", "subscription_details.metadata")
        ),
        "customer_metadata": metadata(thing.child("customer").child("metadata")),
        "country": _country(thing),
        "email_hash": _email_hash(thing.text("customer_details.email", "customer_email", "billing_details.email")),
        "subjects": known,
    }
    return {name: value for name, value in facts.items() if value not in (None, {})}


def metadata(thing: Reader) -> Document:
    """The merchant's own key-value pairs; Stripe allows 50 texts of 500 characters."""
    return {key: value for key, value in thing.document.items() if isinstance(value, str) and value}


def _country(thing: Reader) -> str | None:
    return thing.text("customer_details.address.country", "customer_address.country", "billing_details.address.country")


def _email_hash(email: str | None) -> str | None:
    """FloKit's form: SHA-256 of the lower-cased address, in hex. The address itself goes no further."""
    return hashlib.sha256(email.strip().lower().encode("utf-8", "replace")).hexdigest() if email else None
