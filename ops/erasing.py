"""`smartplus erase-now` and `smartplus eraser`: what was erased goes from the copies too that stores make.

In this order: wrapping keys are replaced, read models are made anew in fresh files, and the oplog of MongoDB is pushed
past all of it. Nothing is noted as done before everything is; each step may be interrupted and done again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pymongo.errors import PyMongoError

import services
from kernel.connecting.connection import connect
from kernel.guarding.erasure import Erasures, is_due
from kernel.keeping.mongo import mongo_client
from kernel.keeping.oplog import Pushed, push
from kernel.keeping.rotation import Rotated
from kernel.log.promise import Unavailable
from kernel.process.settings import read_settings
from kernel.talking.modules import READY, how_is
from ops import vault
from ops.failures import ServerFailed
from ops.rebuild import rebuild
from ops.settings import OperatorSettings

_LOOK_EVERY_S = 60.0
_TRY_AGAIN_S = 600.0
# What destroys keys, or leads to it: reactions are called like that.
_ERASING = "^(destroy|empty|erase|forget)_"


@dataclass(frozen=True)
class Erased:
    """What a run did; the oplog was not pushed when nothing was erased since the run before."""

    rotated: Rotated
    pushed: Pushed | None

    def __str__(self) -> str:
        keys = f"{self.rotated.data_keys} data keys under a new wrapping key, {self.rotated.destroyed} former destroyed"
        if self.pushed is None:
            return f"Nothing to erase since the last run: {keys}.{self.rotated.remark}"
        mb, seconds = self.pushed.bytes // 2**20, self.pushed.seconds
        done = f"Erased completely: {keys}, read models in fresh files, {mb} MB of oplog pushed in {seconds:.0f} s."
        return done + self.rotated.remark


async def erase_now() -> Erased:
    """Erase from all copies what was erased at least a minute ago, and note it. After `ServerFailed` run it again."""
    return await _erase(always=True)


async def _erase(*, always: bool) -> Erased:
    settings = read_settings(OperatorSettings)
    uri = settings.eraser_mongodb_uri or settings.mongodb_uri
    try:
        await _require_destroyed(settings)
        async with mongo_client(uri, "eraser") as client:
            erasures = Erasures(client, settings.database("vault"))
            run = await erasures.begin()
            is_anything_new = always or await erasures.is_anything_new()
            rotated, pushed = await vault.rotate(), None
            if is_anything_new:
                for name in _with_read_models():
                    await rebuild(name)
                pushed = await push(client, uri)
            await erasures.finish(run)
    except Unavailable as error:
        raise ServerFailed(f"Not everything was erased: {error}.") from None
    return Erased(rotated, pushed)


async def _require_destroyed(settings: OperatorSettings) -> None:
    """Raises `ServerFailed` while a service that is away, or an event that it parked, may keep a data key alive."""
    nc = await connect(settings.nats_url, "eraser")
    try:
        async with mongo_client(settings.mongodb_uri, "eraser") as client:
            for name in _with_read_models():
                state = await how_is(nc, name)
                if not state.startswith(READY):
                    raise ServerFailed(
                        f"Nothing was erased: {name} may have keys to destroy, and is not well ({state})."
                    )
                parked = client[settings.database(name)]["reactions_parked"]
                if found := await parked.find_one({"reaction": {"$regex": _ERASING}}):
                    raise ServerFailed(f"Nothing was erased: {name} parked an event of {found['reaction']}.")
    except PyMongoError as error:
        raise Unavailable(f"MongoDB: {type(error).__name__}") from error
    finally:
        await nc.close()


async def keep_erasing() -> None:
    """Erase whenever it is due, for ever: what was erased is gone completely within `SMARTPLUS_ERASED_WITHIN_HOURS`."""
    settings = read_settings(OperatorSettings)
    while True:
        pause_s = _LOOK_EVERY_S
        try:
            if await _is_due(settings):
                print(await _erase(always=False), flush=True)
        except ServerFailed as failure:
            print(f"{failure} Trying again in {_TRY_AGAIN_S / 60:g} minutes.", flush=True)
            pause_s = _TRY_AGAIN_S
        await asyncio.sleep(pause_s)


async def _is_due(settings: OperatorSettings) -> bool:
    uri = settings.eraser_mongodb_uri or settings.mongodb_uri
    try:
        async with mongo_client(uri, "eraser") as client:
            return is_due(await Erasures(client, settings.database("vault")).age(), settings.erased_within)
    except Unavailable as error:
        raise ServerFailed(str(error)) from None


def _with_read_models() -> list[str]:
    folder = Path(services.__path__[0])
    return sorted(main.parent.name for main in folder.glob("*/__main__.py") if main.parent.name != "gateway")
