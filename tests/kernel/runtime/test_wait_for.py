"""Who is cancelled ends, whatever it waits for in that moment, and leaves nothing behind."""

import asyncio
import contextlib

import pytest

import kernel  # noqa: F401 (replaces what is tested)


async def test_a_cancellation_in_the_moment_of_the_result_is_not_lost() -> None:
    came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await asyncio.wait_for(came, 5)

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    came.set_result(None)
    waiting.cancel()
    await asyncio.wait([waiting], timeout=1)
    assert waiting.cancelled()


async def test_what_was_waited_for_is_over_when_the_time_is() -> None:
    over = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            over.append(True)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(long(), 0.01)
    assert over


async def test_what_was_waited_for_runs_in_the_task_that_waits() -> None:
    async def mine() -> asyncio.Task[object] | None:
        return asyncio.current_task()

    assert await asyncio.wait_for(mine(), 5) is asyncio.current_task()


async def test_a_task_that_is_waited_for_too_long_is_cancelled() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(task, 0.01)
    assert task.cancelled()
