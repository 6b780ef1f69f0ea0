"""What the tests of corrections share: facts in poorer and better words, and a ledger that is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mapping_examples import HEAD, RULES, facts, loaded

from bridge.ledger.base import SentMark
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.base import Memory
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Notification, Ready

NOW_MS = 1_764_000_100_000
EVERYTHING = list(range(1, 1_000))
AMOUNT_MAY_BE_ABSENT = RULES.replace(
    'emit = "subscription_started"', 'emit = "subscription_started"\nwithout = ["revenue", "currency"]'
).replace('emit = "refund_issued"', 'emit = "refund_issued"\nwithout = ["revenue", "currency"]')
USER = {"user_id": "user_42"}


class PlainSource:
    """A source whose notifications hold their facts as the mapping wants them."""

    name = "stripe"
    asks = False

    def state(self, notification: Notification, _memory: Memory, _answers: Mapping[str, Any]) -> Sequence[Document]:
        """The facts."""
        found: list[Document] = jsontext.loads(notification.body)
        return found

    def ask(self, question: str) -> Any:
        """Nothing is ever asked."""
        raise NotImplementedError(question)


def money(amount: str, basis: str = "exact", currency: str = "EUR") -> Document:
    return {"amount": Decimal(amount), "currency": currency, "basis": basis, "source": "invoice.amount_paid"}


def sale(money: Document | None, transaction: str = "in_1", **more: Any) -> Document:
    return facts(**{"money": money, "transaction_id": transaction, "subjects": ["sub_1"], "metadata": None, **more})


def refund(money: Document | None, transaction: str = "in_1", which: str = "re_1", **more: Any) -> Document:
    return sale(money, transaction, type="refund.created", which=which, **more)


@dataclass
class Rig:
    """A real ledger and the real pipeline; what becomes of events at FloKit is written as delivery writes it."""

    folder: Path
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.ledger = SqliteLedger.open(self.folder / "bridge.sqlite")
        self.load(stripe=HEAD + AMOUNT_MAY_BE_ABSENT)

    def load(self, **files: str) -> None:
        """Another mapping from now on."""
        interpreter = Interpreter(PlainSource(), loaded(self.folder, **files))
        self.pipeline = Pipeline(self.ledger, interpreter, lambda: self.now_ms, _silent)

    def tell(self, *told: Document, id_: str = "") -> int:
        """One notification for each facts document, all mapped together. Gives the seq of the last."""
        for document in told:
            number = len(self.ledger.find()) + 1
            own = {**document, "notification_id": id_ or f"evt_{number}"}
            self.ledger.keep(
                [
                    Notification(
                        "stripe",
                        own["notification_id"],
                        own["type"],
                        Environment(own["environment"]),
                        number,
                        NOW_MS,
                        jsontext.dumps([own]),
                    )
                ]
            )
        self.map()
        return self.ledger.find()[-1]

    def map(self) -> None:
        """Map all there is."""
        self.now_ms += 1
        while self.pipeline.step():
            pass

    def replay(self, seqs: Sequence[int] = tuple(EVERYTHING)) -> None:
        """Map these again."""
        self.ledger.reopen(list(seqs))
        self.map()

    def ready(self) -> list[Ready]:
        """What waits to be sent."""
        return [one for environment in Environment for one in self.ledger.ready(environment, 1 << 60, 1_000)]

    def send(self) -> None:
        """FloKit takes everything."""
        self.ledger.mark([SentMark(one.seq) for one in self.ready()], [], [], self.now_ms)

    def events(self) -> dict[str, Entered]:
        """All events of production."""
        return {one.key: one for one in self.ledger.events(1_000) if one.environment is Environment.PRODUCTION}

    def amounts(self) -> dict[str, tuple[Decimal | None, str | None]]:
        """The same as amounts."""
        return {key: (one.revenue, one.currency) for key, one in sorted(self.events().items())}

    def reasons(self, seq: int) -> str:
        """What the findings of a notification say to people."""
        kept = self.ledger.kept(seq)
        assert kept
        return "; ".join(finding["reason"] for finding in kept.findings)


def body(event: Entered) -> Document:
    document: Document = jsontext.loads(event.body)
    return document


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
