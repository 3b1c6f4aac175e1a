"""How many files are taken in, and how many are read, at a time in this process.

The rule it protects: who sends many files, or sends them slowly, is in nobody's way but their own.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.http.problems import Problem

UPLOADS_OF_A_TENANT = 2
UPLOADS = 64  # of 12 MiB at the most: what memory allows, and far from what one tenant can take
READERS = 2


class UploadTurns:
    """The turns of all tenants."""

    def __init__(self) -> None:
        self._uploads: Counter[str] = Counter()
        self._readers = asyncio.Semaphore(READERS)
        self._reading: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def upload(self, tenant: str) -> AsyncIterator[None]:
        """Around taking in one file. Raises `Problem` when there is no room for another one of that tenant."""
        if self._uploads[tenant] >= UPLOADS_OF_A_TENANT:
            raise _too_many("This company is importing other lists just now. Try again.")
        if self._uploads.total() >= UPLOADS:
            raise _too_many("Others are importing just now. Try again.")
        self._uploads[tenant] += 1
        try:
            yield
        finally:
            self._uploads[tenant] -= 1
            if not self._uploads[tenant]:
                del self._uploads[tenant]
                self._reading.pop(tenant, None)

    @asynccontextmanager
    async def reading(self, tenant: str) -> AsyncIterator[None]:
        """Around reading one file: a tenant's files one by one, so that each tenant's first is soon read."""
        async with self._reading.setdefault(tenant, asyncio.Lock()), self._readers:
            yield


def _too_many(sentence: str) -> Problem:
    return Problem(429, "too-many", sentence, headers={"Retry-After": "5"})
