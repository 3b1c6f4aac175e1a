"""`smartplus vault`: the keys that wrap data keys are replaced, and the former ones destroyed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernel.keeping.mongo import Mongo, mongo_client
from kernel.keeping.rotation import Rewrapped, Rotated
from kernel.keeping.rotation import rewrap as rewrap_all
from kernel.keeping.rotation import rotate as rotate_all
from kernel.keeping.vault import WrongSecret
from kernel.keeping.wrapping import WrappingKeys
from kernel.log.promise import Unavailable
from kernel.process.settings import read_settings
from ops.failures import MissingDependency, ServerFailed
from ops.settings import OperatorSettings


async def rotate() -> Rotated:
    """Replace the wrapping key of the system that the environment names. May be run again after a `ServerFailed`."""
    settings = read_settings(OperatorSettings)
    async with _vault(settings) as (client, wrappings):
        return await rotate_all(client, settings.database("vault"), wrappings)


async def rewrap() -> Rewrapped:
    """Wrap all data keys under the newest key of a folder that is filled from elsewhere. Raises `ServerFailed`."""
    settings = read_settings(OperatorSettings)
    async with _vault(settings) as (client, wrappings):
        return await rewrap_all(client, settings.database("vault"), wrappings)


@asynccontextmanager
async def _vault(settings: OperatorSettings) -> AsyncIterator[tuple[Mongo, WrappingKeys]]:
    wrappings = settings.wrappings()
    if not isinstance(wrappings, WrappingKeys):
        raise MissingDependency("SMARTPLUS_KEYS_DIR is not set: wrapping keys that can be destroyed live in a folder.")
    try:
        async with mongo_client(settings.eraser_mongodb_uri or settings.mongodb_uri, "eraser") as client:
            yield client, wrappings
    except BlockingIOError:
        raise ServerFailed("Another rotation is at work.") from None
    except (WrongSecret, Unavailable) as error:
        raise ServerFailed(f"No wrapping key was destroyed: {error}.") from None
    except OSError as error:
        raise ServerFailed(f"{wrappings.folder} cannot be written: {error.strerror}.") from None
