"""Every error the bridge raises on purpose.

BridgeError
├── Refused            a webhook that is not taken; the edge turns it into a status in one place
│   ├── Forged         proven false, or not provable: 400 (Google's bearer token: 401), nothing is stored
│   ├── TooLarge       the body is over the cap: 413
│   └── CannotTell     keys, certificates or the ledger are out of reach: 503, so the sender comes again
│       └── NeedsKeys  only `fetch`, which goes out to the source, stands between this webhook and its proof
├── BadNotification    proven, but its content cannot be read: kept as *failed*, answered 200
├── NotYet             a look-up that fails for now: tried again later, nothing is wrong
│   ├── NotAllowed     the source does not accept the key or its rights: a person has to mend that, and then it goes on
│   └── OutOfReach     no connection, or no whole answer
├── LedgerError        the ledger cannot be used, with what to do about it
└── SettingsError      every problem of the settings and mappings at once
"""

from collections.abc import Callable, Sequence


class BridgeError(Exception):
    """The root of all errors that the bridge raises on purpose."""


class Refused(BridgeError):
    """A webhook that is not taken: `status` is the HTTP answer, `code` a stable word, `message` what to do about it."""

    status = 400
    code = "refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Forged(Refused):
    """Proven false, or without what a proof needs. Nothing is stored."""

    code = "not_proven"

    def __init__(self, message: str, *, status: int = 400, code: str = "not_proven") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class TooLarge(Refused):
    """The body is over the cap."""

    status = 413
    code = "too_large"


class CannotTell(Refused):
    """Neither proven nor disproven, or proven and impossible to keep just now: the sender has to come again."""

    status = 503
    code = "try_again"


class NeedsKeys(CannotTell):
    """The sender's keys must be fetched first: call `fetch` where waiting does no harm, then verify again.

    `fetch` goes out, is safe to call from several threads, and does not raise: when it fails, verifying again says so.
    """

    def __init__(self, fetch: Callable[[], None]) -> None:
        super().__init__("The sender's keys must be fetched first. Please send this again.")
        self.fetch = fetch


class BadNotification(BridgeError):
    """A proven notification whose content is not of the documented shape. The text says where and what was expected."""


class NeedsAnswer(BridgeError):
    """The facts cannot be stated before this question is asked of the source's API, such as `order:GPA.1234-…`."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class NotYet(BridgeError):
    """A look-up has no answer for now. `reason` reads after "waiting for"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotAllowed(NotYet):
    """The source does not accept the key, or the key may not read what was asked for."""


class OutOfReach(NotYet):
    """No connection to the source, or no whole answer."""


class LedgerError(BridgeError):
    """The ledger cannot be opened or written; the text says what to do about it."""


class SettingsError(BridgeError):
    """All problems of the settings and mappings at once, each a sentence that says what to change."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
