"""`python -m services.gateway` runs the gateway until SIGTERM or SIGINT."""

import asyncio
import signal

import structlog
import uvloop

from kernel.log.promise import Unavailable
from kernel.process.health import measure_process
from kernel.process.settings import read_settings
from kernel.process.telemetry import VERSION, set_up_logging, set_up_tracing
from kernel.runtime.collecting import collect_seldom
from services.gateway.app import running
from services.gateway.http.proxies import trusted_proxies
from services.gateway.settings import GatewaySettings

_log = structlog.get_logger()


def main() -> None:
    """Exit code 0 when told to stop, 1 when it cannot go on."""
    settings = read_settings(GatewaySettings)
    try:
        trusted_proxies(settings)
    except ValueError as error:
        raise SystemExit(f"smartplus: {error}") from None
    set_up_logging("gateway", settings)
    set_up_tracing("gateway", settings)
    measure_process()
    collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        raise SystemExit(runner.run(_until_told(settings)))


async def _until_told(settings: GatewaySettings) -> int:
    working = asyncio.current_task()
    assert working is not None
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, working.cancel)
    try:
        async with running(settings) as gateway:
            _log.info("serving", url=gateway.url, operations=gateway.operations_url, version=VERSION)
            await gateway.broken
    except asyncio.CancelledError:
        _log.info("stopped")
        return 0
    except (Unavailable, OSError) as error:
        _log.error("cannot-go-on", reason=str(error))
    return 1


if __name__ == "__main__":
    main()
