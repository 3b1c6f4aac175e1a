"""The `smartplus` command, for people and for scripts.

Exit codes: 0 done, 1 a check or the command failed, 2 wrong usage or something is missing.
"""

import asyncio
import importlib
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from ops import local
from ops.failures import MissingDependency, ServerFailed

T = TypeVar("T")

FAILED = 1
MISSING = 2

Data = Annotated[Path, typer.Option("--data", help="Folder with this machine's data.", envvar="SMARTPLUS_DATA")]
DEFAULT_DATA = Path(".data")
Personal = Annotated[bool, typer.Option("--personal", help="Show personal values too; what was erased stays erased.")]

app = typer.Typer(
    name="smartplus",
    help="SmartPlus on this machine: run it, look at it, look after it.\n\n"
    "Exit codes: 0 done, 1 a check or the command failed, 2 wrong usage or something is missing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo_app = typer.Typer(help="The demo's small world of distributors, installers and households.", no_args_is_help=True)
events_app = typer.Typer(help="Read the event log: who did what, and when.", no_args_is_help=True)
vault_app = typer.Typer(help="The keys that wrap households' data keys.", no_args_is_help=True)
admin_app = typer.Typer(help="What only the operator of a region can do.", no_args_is_help=True)
log_app = typer.Typer(help="The event log itself: how full it is, and whether it is whole.", no_args_is_help=True)
reactions_app = typer.Typer(help="Events that a service cannot take yet: what waits, and trying it again.")
jobs_app = typer.Typer(help="Jobs that failed for good: what is parked, having it done after all, dropping it.")
app.add_typer(reactions_app, name="reactions")
app.add_typer(jobs_app, name="jobs")
app.add_typer(admin_app, name="admin")
app.add_typer(log_app, name="log")
app.add_typer(demo_app, name="demo")
app.add_typer(events_app, name="events")
app.add_typer(vault_app, name="vault")


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo and print its logins.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete this machine's data first (asks).")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --fresh: do not ask.")] = False,
    port: Annotated[int, typer.Option(help="Port of the console and the API.", min=1, max=65535)] = 8080,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run everything here: servers, services, gateway. Ctrl-C stops it; the data stays."""
    from ops.up import up as run

    try:
        with local.held(data):
            if fresh and local.has_data(data):
                if not yes:
                    typer.confirm(f"Delete all SmartPlus data in {data.resolve()}?", abort=True)
                local.wipe(data)
            asyncio.run(run(data.resolve(), port, demo))
    except ServerFailed as failure:
        _give_up(failure)


@app.command()
def serve(service: Annotated[str, typer.Argument(help="For example: accounts, gateway.")]) -> None:
    """Run one service here, in the foreground, configured by the environment."""
    from ops.up import service_names

    if service not in (names := service_names()):
        raise typer.BadParameter(f"there is no service {service!r}; there are: {', '.join(names) or 'none'}")
    importlib.import_module(f"services.{service}.__main__").main()


@app.command()
def doctor(data: Data = DEFAULT_DATA) -> None:
    """Check each dependency: its version, whether it answers, and what to do. Exit code 1 when a needed one fails."""
    raise typer.Exit(asyncio.run(_doctor(data)))


async def _doctor(data: Path) -> int:
    from ops.doctor import examine

    failed = False
    async for finding in examine(data):
        sign = "ok" if finding.fine else "FAILED" if finding.needed else "absent"
        failed |= finding.needed and not finding.fine
        print(f"{sign:<7} {finding.name:<12} {finding.seen}")
        if not finding.fine and finding.way_out:
            print(f"{'':<20} → {finding.way_out}")
    print("\nSomething that is needed is not well." if failed else "\nAll that is needed is well.")
    return FAILED if failed else 0


@admin_app.command("create-super-manager")
def admin_create_super_manager(
    name: Annotated[str, typer.Option(help="How the account is called.")],
    email: Annotated[str, typer.Option(help="The e-mail address to log in with.")],
    initial_password: Annotated[
        str | None, typer.Option(help="To be changed at the first login; made up and shown when left out.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a super manager, the account that creates distributors. The first one of a region is made like this."""
    from pydantic import ValidationError

    from contracts.message import Refused
    from kernel.log.promise import Unavailable

    try:
        made_up = asyncio.run(_module("admin", data).create_super_manager(name, email, initial_password))
    except ValidationError as error:
        _give_up(ServerFailed("; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())))
    except (Refused, Unavailable) as error:
        _give_up(ServerFailed(error.refusal().detail if isinstance(error, Refused) else str(error)))
    print(f"{email} can log in" + (f" with the password {made_up}, shown only now." if made_up else "."))


@admin_app.command("make-nats-accounts")
def admin_make_nats_accounts(
    folder: Annotated[Path, typer.Argument(help="Where they are kept; those that are there stay.")],
    host: Annotated[list[str], typer.Option(help="host:port of each nats-server.")],
) -> None:
    """Make the passwords of NATS: `nats-accounts.conf` for the servers, and a file for each variable.

    Those of a service are in a folder of its name, those of this program in FOLDER itself.
    """
    from ops.nats_accounts import NatsAccounts

    NatsAccounts.kept_in(folder).write_into(folder, *host)


@admin_app.command("make-wrapping-key")
def admin_make_wrapping_key(folder: Annotated[Path, typer.Argument(help="Where wrapping keys are kept.")]) -> None:
    """Make the first wrapping key of a region; nothing when the folder has one."""
    from kernel.keeping.wrapping import ids_in, make_key

    if not ids_in(folder):
        make_key(folder)


@admin_app.command("make-mongo-users")
def admin_make_mongo_users(
    folder: Annotated[Path, typer.Argument(help="Where they are kept; those that are there stay.")],
    host: Annotated[str, typer.Option(help="host:port of mongod, several with commas.")],
    replica_set: Annotated[str, typer.Option(help="The name of its replica set.")] = "rs0",
    now: Annotated[
        bool, typer.Option("--now", help="Make the users in MongoDB, as the operator; write nothing.")
    ] = False,
) -> None:
    """Make the passwords of MongoDB: the servers' keyfile, and a file for each variable, as make-nats-accounts does.

    `mongo/` in FOLDER is for the server: `keyfile`, and `operator`, the password of the user that comes first.
    """
    from pymongo.errors import PyMongoError

    from ops.mongo_users import MongoUsers

    users = MongoUsers.kept_in(folder)
    if not now:
        users.write_into(folder, host, replica_set)
        return
    try:
        asyncio.run(users.make(host, replica_set))
    except PyMongoError as error:
        _give_up(ServerFailed(f"MongoDB at {host} did not take the users: {type(error).__name__}"))


@demo_app.command("load")
def demo_load(data: Data = DEFAULT_DATA) -> None:
    """Load the demo into the running system; a second time changes nothing."""
    _run(_module("demo", data).load())


@demo_app.command("reset")
def demo_reset(data: Data = DEFAULT_DATA) -> None:
    """Bring the demo in the running system back to its beginning."""
    _run(_module("demo", data).reset())


@app.command()
def intercoms(
    count: Annotated[int, typer.Option(help="How many, of the models of the table in turn.", min=1, max=5000)] = 200,
    flaky: Annotated[bool, typer.Option("--flaky", help="Lose power now and then, and refuse now and then.")] = False,
    installer: Annotated[str | None, typer.Option(help="E-mail of whose they are; else the demo's first.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Those of the demo's households instead.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Virtual intercoms: bind them, then have them connect, report and obey until Ctrl-C."""
    module = _module("intercoms", data)
    _run(module.run_demo(data) if demo else module.run(data, count, flaky, installer))


@events_app.command("tail")
def events_tail(personal: Personal = False, data: Data = DEFAULT_DATA) -> None:
    """Show events as they happen, until Ctrl-C."""
    _run(_module("events", data).tail(personal=personal))


@events_app.command("show")
def events_show(
    aggregate: Annotated[str, typer.Argument(help="For example: accounts.household.0191…")],
    personal: Personal = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show the history of one aggregate: who, when, what; erased personal data as erased."""
    _run(_module("events", data).show(aggregate, personal=personal))


@log_app.command("size")
def log_size(data: Data = DEFAULT_DATA) -> None:
    """How much the log of each service holds, of how much it may hold, and for how many days that lasts."""
    try:
        asyncio.run(_module("room", data).show())
    except ServerFailed as failure:
        _give_up(failure)


@log_app.command("budgets")
def log_budgets(data: Data = DEFAULT_DATA) -> None:
    """Which tenants and devices had most recorded today, and how much of a day's budget that is."""
    try:
        asyncio.run(_module("budgets", data).show())
    except ServerFailed as failure:
        _give_up(failure)


@log_app.command("resize")
def log_resize(
    service: Annotated[str, typer.Argument(help="For example: accounts.")],
    size: Annotated[str, typer.Argument(help="What its log may hold, for example: 4GiB.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let the log of a service hold more, or less, though never less than it holds. Takes effect at once."""
    try:
        asyncio.run(_module("room", data).resize(service, size))
    except ServerFailed as failure:
        _give_up(failure)


@log_app.command("check")
def log_check(
    services: Annotated[list[str] | None, typer.Argument(help="For example: accounts. All, if none is named.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Read the log of a service whole and say what is missing. Exit code 1 when something is."""
    module = _module("log", data)
    try:
        is_whole = asyncio.run(module.check(services or []))
    except ServerFailed as failure:
        _give_up(failure)
    raise typer.Exit(0 if is_whole else FAILED)


@log_app.command("accept-loss")
def log_accept_loss(
    service: Annotated[str, typer.Argument(help="For example: accounts.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the log for ever.")],
    typed: Annotated[str | None, typer.Option("--confirm", help="Instead of typing it: STREAM and events.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Go on without the events that a damaged log lost. Restore a backup instead, if there is one."""
    module = _module("log", data)
    try:
        asyncio.run(module.accept_loss(service, reason, typed))
    except ServerFailed as failure:
        _give_up(failure)


@reactions_app.callback(invoke_without_command=True)
def reactions(context: typer.Context, data: Data = DEFAULT_DATA) -> None:
    """Show which events wait, why and since when; nothing of what they say."""
    if context.invoked_subcommand is None:
        _run(_module("reactions", data).show())


@reactions_app.command("retry")
def reactions_retry(
    service: Annotated[str, typer.Argument(help="For example: accounts.")],
    reaction: Annotated[str, typer.Argument(help="Its name, as smartplus reactions shows it.")],
    position: Annotated[str | None, typer.Argument(help="For example: ACCOUNTS.12, with all of its aggregate.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that waits of this reaction.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Try again what waits of a reaction. What was done already is not done twice. Exit code 1 if it still waits."""
    _run(_module("reactions", data).retry(service, reaction, position, everything))


Service = Annotated[str, typer.Argument(help="For example: accounts.")]
Kind = Annotated[str, typer.Argument(help="Its name, as smartplus jobs shows it.")]
Id = Annotated[str | None, typer.Argument(help="One of them, by its id.")]
Everything = Annotated[bool, typer.Option("--all", help="All that is parked of this kind.")]


@jobs_app.callback(invoke_without_command=True)
def jobs(context: typer.Context, data: Data = DEFAULT_DATA) -> None:
    """Show which jobs are parked, why and since when; nothing of what they say."""
    if context.invoked_subcommand is None:
        _run(_module("jobs", data).show())


@jobs_app.command("retry")
def jobs_retry(
    service: Service, job: Kind, id: Id = None, everything: Everything = False, data: Data = DEFAULT_DATA
) -> None:
    """Have what is parked done after all, with all its tries again."""
    _run(_module("jobs", data).retry(service, job, id, everything))


@jobs_app.command("drop")
def jobs_drop(
    service: Service, job: Kind, id: Id = None, everything: Everything = False, data: Data = DEFAULT_DATA
) -> None:
    """Have nobody do it any more; the same cause does not bring it back."""
    _run(_module("jobs", data).drop(service, job, id, everything))


@app.command()
def rebuild(service: Annotated[str, typer.Argument(help="For example: accounts.")], data: Data = DEFAULT_DATA) -> None:
    """Build a service's read models anew from the log, beside the live ones, and switch when they have caught up."""
    _run(_module("rebuild", data).rebuild(service))


@app.command("erase-now")
def erase_now(data: Data = DEFAULT_DATA) -> None:
    """Erase now, from all copies that the stores make, what Reset and Delete erased; else it happens once a day."""
    print(_asked(_module("erasing", data).erase_now()))


@app.command()
def eraser(data: Data = DEFAULT_DATA) -> None:
    """Do so once a day, for ever, as `smartplus up` does."""
    asyncio.run(_module("erasing", data).keep_erasing())


@vault_app.command("rotate")
def vault_rotate(data: Data = DEFAULT_DATA) -> None:
    """Replace the wrapping key and destroy the former ones: no copy of the vault made until now opens any more."""
    rotated = _asked(_module("vault", data).rotate())
    done = f"{rotated.id} wraps {rotated.data_keys} data keys; {rotated.destroyed} former wrapping keys are destroyed."
    print(done + rotated.remark)


@vault_app.command("rewrap")
def vault_rewrap(data: Data = DEFAULT_DATA) -> None:
    """Where keys come from elsewhere (a Kubernetes secret): wrap all data keys under the newest one."""
    done = _asked(_module("vault", data).rewrap())
    print(f"{done.data_keys} data keys were wrapped anew. The older wrapping keys can go.{done.remark}")


def _asked(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except ServerFailed as failure:
        _give_up(failure)


def _module(name: str, data: Path) -> Any:
    """The module behind a command that talks to the running system, with the environment that leads there."""
    found = local.environment(data)
    if not found and not {"NATS_URL", "SMARTPLUS_SECRETS_DIR"} & os.environ.keys():
        _give_up(MissingDependency(f"Nothing runs on {data}. Start it with: smartplus up (or set NATS_URL)"))
    for variable, value in found.items():
        os.environ.setdefault(variable, value)
    return importlib.import_module(f"ops.{name}")


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Do it; whatever goes wrong with the servers ends in a sentence and an exit code."""
    from nats.errors import Error as NatsError
    from pymongo.errors import PyMongoError

    from kernel.connecting.connection import UnfitServer
    from kernel.keeping.vault import WrongSecret
    from kernel.log.promise import Unavailable

    try:
        asyncio.run(work)
    except ServerFailed as failure:
        _give_up(failure)
    except (Unavailable, UnfitServer, WrongSecret, NatsError, OSError) as failure:
        _give_up(ServerFailed(f"This cannot be done now: {failure or type(failure).__name__}"))
    except PyMongoError as failure:
        # Its own words may quote documents.
        _give_up(ServerFailed(f"This cannot be done now: MongoDB says {type(failure).__name__}."))


def _give_up(failure: ServerFailed) -> NoReturn:
    print(f"\nsmartplus: {failure}", file=sys.stderr)
    raise typer.Exit(MISSING if isinstance(failure, MissingDependency) else FAILED)


def main() -> None:
    app()
