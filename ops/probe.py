"""One question to a local HTTP endpoint: does it answer 200, and with what."""

import httpx


async def ask(url: str, timeout_s: float = 2.0) -> httpx.Response | None:
    """The answer when it is 200, otherwise None (refused, silent for `timeout_s`, another status)."""
    answer = await _answer(url, timeout_s)
    return answer if answer is not None and answer.status_code == httpx.codes.OK else None


async def damage(ready_url: str, timeout_s: float = 2.0) -> str | None:
    """Why a service waits for an operator (`kernel.guarding.guard`), as `/health/ready` says; None when it does not."""
    answer = await _answer(ready_url, timeout_s)
    if answer is None or answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return None
    try:
        reason = answer.json()["dependencies"]["integrity"].get("reason")
    except (ValueError, LookupError):
        return None
    return str(reason) if reason else None


async def _answer(url: str, timeout_s: float) -> httpx.Response | None:
    # Building a TLS context costs 30 ms a call, and these are plain HTTP on loopback.
    async with httpx.AsyncClient(trust_env=False, timeout=timeout_s, verify=False) as client:  # noqa: S501
        try:
            return await client.get(url)
        except httpx.HTTPError:
            return None
