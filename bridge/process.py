"""The parts of a whole bridge in one process, put together: ledger, HTTP edge, and the worker behind them."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import Lifespan

from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.environment import Secret
from bridge.housekeeping import Housekeeping
from bridge.http import create_app
from bridge.keeper import Keeper
from bridge.ledger.sqlite import SqliteLedger, open_ledger
from bridge.log import LineLog, Log, Write
from bridge.receivers import receivers
from bridge.settings import Settings
from bridge.turn_log import TurnLog
from bridge.values.records import Environment
from bridge.values.times import Clock, system_clock
from bridge.worker import Maps, Worker

MakePipelines = Callable[[SqliteLedger, Clock, Log], Sequence[Maps]]


@contextmanager
def running_bridge(
    settings: Settings, make_pipelines: MakePipelines | None, write: Write, clock: Clock = system_clock
) -> Iterator[Starlette]:
    """The app over an open ledger, with the worker running until the block ends. `write` takes the lines of the log.

    Without `make_pipelines` webhooks are kept only, for another process to map and deliver. Raises LedgerError when
    the ledger cannot be used.
    """
    with ExitStack() as stack:
        ledger = open_ledger(settings.ledger_url)
        stack.callback(ledger.close)
        home = _Home(settings, ledger, LineLog(write, clock), clock)
        pipelines = make_pipelines(ledger, clock, home.log) if make_pipelines else ()
        wake = home.start_worker(stack, pipelines) if pipelines else _nobody
        log = TurnLog(write, clock)
        keeper = Keeper(ledger, log, wake)
        yield create_app(
            receivers(settings),
            keeper,
            log=log,
            missing=settings.missing(),
            clock=clock,
            lifespan=_closing(keeper),
        )


@dataclass(frozen=True, slots=True)
class _Home:
    """What the parts behind the edge share."""

    settings: Settings
    ledger: SqliteLedger
    log: Log
    clock: Clock

    def start_worker(self, stack: ExitStack, pipelines: Sequence[Maps]) -> Callable[[], None]:
        """Start mapping and delivery, to be stopped by the stack. Gives what wakes them."""
        keys = {
            Environment.PRODUCTION: self.settings.flokit.api_key,
            Environment.SANDBOX: self.settings.flokit.sandbox_api_key,
        }
        deliverers = [self.deliverer(stack, environment, key) for environment, key in keys.items() if key]
        worker = Worker(
            pipelines,
            deliverers,
            self.log,
            housekeeping=Housekeeping(self.ledger, self.settings.keep_bodies_days, self.clock, self.log),
            take_lock=self.ledger.worker_lock,
            clock=self.clock,
        )
        worker.start()
        stack.callback(worker.stop)
        return worker.wake

    def deliverer(self, stack: ExitStack, environment: Environment, key: Secret) -> Deliverer:
        """Delivery of one environment; its connections are closed by the stack."""
        flokit = self.settings.flokit
        client = FlokitClient(flokit.api_url, key.reveal(), clock=self.clock)
        stack.callback(client.close)
        return Deliverer(
            self.ledger,
            client,
            environment=environment,
            clock=self.clock,
            budget=WindowBudget(flokit.requests_per_minute, self.clock),
            requests_per_minute=flokit.requests_per_minute,
            log=self.log,
        )


def _closing(keeper: Keeper) -> Lifespan[Starlette]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await keeper.close()

    return lifespan


def _nobody() -> None:
    """Nobody is to be woken: another process maps."""
