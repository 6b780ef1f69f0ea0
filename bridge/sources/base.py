"""The two halves of a source. The receiving half proves webhooks and imports nothing else, so that it starts fast;
the stating half says what a proven notification means in our terms and imports nothing of HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bridge.values.records import Document, Notification


class Receiver(Protocol):
    """Proves the webhooks of one source."""

    name: str

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:
        """Prove the raw bytes. `headers` has lower-case names.

        Raises Forged when proven false or not provable, CannotTell when keys or certificates are out of reach,
        NeedsKeys when they must be fetched before it can tell. No clock of its own, no I/O.
        """


class Memory(Protocol):
    """What the ledger knows, seen by one source: subjects are ids such as `sub_…`."""

    def recall(self, subject: str) -> Document:
        """What is known of the subject; an empty document when nothing is."""

    def remember(self, subject: str, **known: Any) -> None:
        """Add to what is known of the subject, or replace it, key by key. None forgets a key."""


class Source(Protocol):
    """States the facts of one source's notifications."""

    name: str
    asks: bool
    """Whether it ever raises NeedsAnswer. One that does not is spared the extra pass."""

    def state(self, notification: Notification, memory: Memory, answers: Mapping[str, Any]) -> Sequence[Document]:
        """What a proven notification says, in our terms, whatever the API version: one document for each fact.

        `answers` holds what `ask` gave, by question. Raises BadNotification when the content is not of the documented
        shape, NeedsAnswer when a question must be asked first. A function of its arguments, without I/O: the same
        notification, memory and answers give the same facts.
        """

    def ask(self, question: str) -> Any:
        """Ask the source's API, outside of any transaction; safe to call from several threads.

        Gives a JSON value, None when the source has no answer for good. Raises NotYet when it has none for now.
        """
