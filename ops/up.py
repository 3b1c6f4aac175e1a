"""The whole system on one machine, from one command: the servers, then the services with the gateway."""

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import services
from kernel.log.promise import Unavailable
from ops import local, locks
from ops.disk_need import DiskNeed
from ops.failures import ServerFailed
from ops.processes import free_port, port_is_free, spawn_piped
from ops.room import grow_to_setting
from ops.servers import LOOPBACK, MongoServer, NatsServer
from ops.supervisor import Child, Program, Supervisor, relay

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)

# What a deployment says about itself; the demo shows where each appears. example.org belongs to nobody.
_DEMO_SETTINGS = {
    "SMARTPLUS_REGION": "Demo",
    "SMARTPLUS_SALES_EMAIL": "sales@example.org",
    "SMARTPLUS_SUPPORT_EMAIL": "support@example.org",
    "SMARTPLUS_TELEPHONE": "+49 30 901820",
    "SMARTPLUS_MANUALS_URL": "https://example.org/manuals",
    "SMARTPLUS_TICKET_URL": "https://example.org/tickets",
    "SMARTPLUS_SMART_HOME_URL": "https://example.org/smart-home",
}


def service_names() -> list[str]:
    """Every service that can run, the gateway last."""
    found = (path.parent.name for path in Path(services.__path__[0]).glob("*/__main__.py"))
    return sorted(found, key=lambda name: (name == "gateway", name))


class Screen:
    """Prefixed lines on standard output, coloured on a terminal."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._colours: dict[str, int] = {}

    def say(self, who: str, line: str) -> None:
        prefix = f"{who:>8} │ "
        if self._coloured:
            colour = self._colours.setdefault(who, _COLOURS[len(self._colours) % len(_COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        # A terminal that went away must not take the services with it.
        with contextlib.suppress(OSError):
            print(prefix + line, flush=True)


async def up(data: Path, port: int, demo: bool) -> None:
    """Run everything on `data` (absolute) until a signal, the gateway on `port`; ServerFailed says why it cannot."""
    if not port_is_free(port):
        raise ServerFailed(
            f"Port {port} is in use. Stop what listens there, or choose another: smartplus up --port {port + 1}"
        )
    screen = Screen()
    need = DiskNeed.of(os.environ)
    if not os.environ.get("NATS_URL"):
        screen.say("disk", need.warning(data) or need.in_words())
    servers: list[Child] = []
    own: dict[str, dict[str, str]] = {name: {} for name in _all()}
    environment = {
        "NATS_URL": os.environ.get("NATS_URL", ""),
        "MONGODB_URI": os.environ.get("MONGODB_URI", ""),
        "SMARTPLUS_PUBLIC_URL": os.environ.get("SMARTPLUS_PUBLIC_URL", f"http://{LOOPBACK}:{port}"),
        "SMARTPLUS_OPERATIONS_PORT": str(free_port()),
        "SMARTPLUS_LOG_FORMAT": os.environ.get("SMARTPLUS_LOG_FORMAT", "pretty"),
    }
    if demo:
        environment |= {name: os.environ.get(name, value) for name, value in _DEMO_SETTINGS.items()}
    if not {"SMARTPLUS_SECRET", "SMARTPLUS_SECRET_FILE"} & os.environ.keys():
        environment["SMARTPLUS_SECRET_FILE"] = str(local.secret_file(data))
        environment["SMARTPLUS_KEYS_DIR"] = os.environ.get("SMARTPLUS_KEYS_DIR") or str(local.keys_folder(data))
    if not environment["NATS_URL"]:
        nats = NatsServer(data / "nats")
        servers.append(nats)
        environment |= nats.environment
        for name in own:
            own[name] |= nats.environment_of(name)
    if not environment["MONGODB_URI"]:
        mongod = MongoServer(data / "mongod")
        servers.append(mongod)
        environment |= mongod.environment
        for name in own:
            own[name] |= mongod.environment_of(name)

    programs = [
        _program(
            name,
            port if name == "gateway" else free_port(),
            locks.environment_for(name, {**os.environ, **environment}, more),
            screen,
        )
        for name, more in own.items()
    ]

    stages: list[list[Child]] = [servers, [*programs]]
    if "SMARTPLUS_KEYS_DIR" in {**os.environ, **environment}:
        stages.append([_eraser(environment, screen)])
    if demo and "SMARTPLUS_MQTT_URL" in {**os.environ, **environment}:
        stages.append([_demo_intercoms(environment, data, screen)])

    async def when_ready() -> None:
        with contextlib.suppress(Unavailable):
            for line in await grow_to_setting(environment["NATS_URL"], os.environ.get("SMARTPLUS_LOG_MAX_BYTES")):
                screen.say("log", line)
        if demo:
            await _load_demo(environment, screen)
        print(_welcome(environment["SMARTPLUS_PUBLIC_URL"], data, demo), flush=True)

    with local.announced(data, environment):
        await Supervisor(stages, screen.say).run(when_ready)


def _all() -> list[str]:
    if names := service_names():
        return names
    raise ServerFailed("No service was found beside this program; install SmartPlus again (make up does).")


def _program(name: str, port: int, environment: Mapping[str, str], screen: Screen) -> Program:
    health = environment["SMARTPLUS_OPERATIONS_PORT"] if name == "gateway" else port
    return Program(
        name,
        [sys.executable, "-m", f"services.{name}"],
        {**environment, "SMARTPLUS_PORT": str(port), "PYTHONUNBUFFERED": "1"},
        f"http://{LOOPBACK}:{health}/health/ready",
        screen.say,
    )


def _eraser(environment: Mapping[str, str], screen: Screen) -> Program:
    command = [sys.executable, "-m", "ops", "eraser"]
    return Program("eraser", command, {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}, "", screen.say)


def _demo_intercoms(environment: Mapping[str, str], data: Path, screen: Screen) -> Program:
    command = [sys.executable, "-m", "ops", "intercoms", "--demo", "--data", str(data)]
    return Program("intercoms", command, {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}, "", screen.say)


async def _load_demo(environment: Mapping[str, str], screen: Screen) -> None:
    command = [sys.executable, "-m", "ops", "demo", "load"]
    process, output = await spawn_piped(command, {**os.environ, **environment})
    await relay(output, "demo", screen.say)
    if code := await process.wait():
        screen.say("demo", f"was not loaded (exit code {code})")


def _welcome(url: str, data: Path, demo: bool) -> str:
    lines = ["", f"  SmartPlus {version('smartplus')} is up:  {url}"]
    if demo and (logins := _demo_logins()):
        width = max(len(role) for role, _, _ in logins)
        lines += ["", "  Demo logins, NOT FOR PRODUCTION (everybody can read them in the source):"]
        lines += [f"    {role:<{width}}  {login}  {password}" for role, login, password in logins]
    return "\n".join([*lines, "", f"  Ctrl-C stops everything. The data stays in {data}", ""])


def _demo_logins() -> Sequence[tuple[str, str, str]]:
    """(role, login, password) of the demo's people."""
    if importlib.util.find_spec("ops.demo") is None:
        return []
    logins: Sequence[tuple[str, str, str]] = importlib.import_module("ops.demo").LOGINS
    return logins
