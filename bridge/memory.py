"""The ledger's memory while notifications are being mapped.

A `Page` gathers what a batch of notifications reads and writes, so that it is written in one piece with their events.
Each notification works on a `Note` of its own on that page: what a failed one wrote is thrown away.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from bridge.ledger.base import MemoryChange, Remembered
from bridge.values.records import Document


class Page:
    """All memories that a batch has read, with the versions they were read at."""

    def __init__(self, recall: Callable[[str], Remembered]) -> None:
        self._recall = recall
        self._read: dict[str, Remembered] = {}
        self._written: dict[str, Document] = {}

    def read(self, subject: str) -> Document:
        """What is known of a subject, this batch's own writings included."""
        if subject in self._written:
            return self._written[subject]
        if subject not in self._read:
            self._read[subject] = self._recall(subject)
        return self._read[subject].document

    def write(self, documents: Mapping[str, Document]) -> None:
        """Take over what one notification wrote."""
        self._written.update(documents)

    def changes(self) -> dict[str, MemoryChange]:
        """What is to be written, each with the version that it replaces."""
        return {
            subject: MemoryChange(document, self._read[subject].version)
            for subject, document in self._written.items()
            if document != self._read[subject].document
        }


def page_of(known: Mapping[str, Document], source: str) -> Page:
    """A page without a ledger behind it: `known` holds a source's documents by subject."""

    def recall(subject: str) -> Remembered:
        document = known.get(subject.removeprefix(f"{source}:"))
        return Remembered({}, 0) if document is None else Remembered(document, 1)

    return Page(recall)


class Note:
    """One notification's view of the page. Subjects are kept apart by source."""

    def __init__(self, page: Page, source: str) -> None:
        self._page = page
        self._prefix = f"{source}:"
        self._documents: dict[str, Document] = {}

    def recall(self, subject: str) -> Document:
        """What is known of the subject, the notification's own writings included. A copy."""
        name = self._prefix + subject
        return deepcopy(self._documents[name] if name in self._documents else self._page.read(name))

    def before(self, subject: str) -> Document:
        """What was known of the subject before this notification. A copy."""
        return deepcopy(self._page.read(self._prefix + subject))

    def remember(self, subject: str, **known: Any) -> None:
        """Add to what is known, or replace it, key by key. None forgets a key."""
        document = self.recall(subject) | known
        self._documents[self._prefix + subject] = {key: value for key, value in document.items() if value is not None}

    def forget(self) -> None:
        """Throw away what was written."""
        self._documents.clear()

    def keep(self) -> None:
        """Put what was written on the page."""
        self._page.write(self._documents)
