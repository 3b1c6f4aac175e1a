"""The one NATS client of a process, under FastStream's broker, and what is said over it to nobody in particular."""

from collections.abc import Awaitable, Callable

import structlog
from faststream.nats import NatsBroker
from faststream.nats.security import NatsUserPassword
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from kernel.connecting.address import NatsAddress
from kernel.log.promise import Unavailable
from kernel.process.settings import ProcessSettings

_log = structlog.get_logger()


def make_broker(
    settings: ProcessSettings,
    name: str,
    *,
    closed: Callable[[], Awaitable[None]] | None = None,
    back: Callable[[], None] = lambda: None,
) -> NatsBroker:
    """A broker that reconnects for ever. `closed` is called when the client gives up for good: exit then.

    `back` is called after each reconnection: what was told meanwhile on core NATS was not heard.
    """

    async def report(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            # Its rights lack something (`ops.nats_rights`), or it was used for what is not its own.
            _log.error("nats-forbidden", reason=str(error))
        else:
            _log.warning("nats-error", error=type(error).__name__)

    async def disconnected() -> None:
        if not client_of(broker).is_closed:
            _log.warning("nats-disconnected")

    async def reconnected() -> None:
        _log.info("nats-reconnected")
        back()

    address = NatsAddress.parse(settings.nats_url)
    broker = NatsBroker(
        list(address.servers),
        security=NatsUserPassword(address.user, address.password or "") if address.user else None,
        name=name,
        inbox_prefix=address.inbox_prefix,
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=5,
        ping_interval=10,
        max_outstanding_pings=2,
        # Publishing while disconnected fails at once: what is sent late is a surprise.
        pending_size=0,
        error_cb=report,
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
        closed_cb=closed,
        graceful_timeout=settings.stop_timeout_s,
        apply_types=False,
        logger=None,
    )
    return broker


def client_of(broker: NatsBroker) -> Client:
    """The NATS client under a started broker: one connection per process is enough."""
    client: Client = broker.config.broker_config.connection_state.connection
    return client


async def listen(client: Client, subject: str, hear: Callable[[str, bytes], None], queue: str = "") -> None:
    """Have `hear` told the subject and body of whatever is published on `subject`, in order, until the client ends.

    Of those that listen in the same `queue`, one is told each.
    """

    async def heard(message: Msg) -> None:
        hear(message.subject, message.data)

    await client.subscribe(subject, queue=queue, cb=heard)


async def say(client: Client, subject: str, body: bytes) -> None:
    """Publish to whoever listens at this moment. Raises `Unavailable` when it cannot leave."""
    try:
        await client.publish(subject, body)
    except (NatsError, OSError) as failure:
        raise Unavailable(f"NATS: {type(failure).__name__}") from None
