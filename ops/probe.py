"""One question to a local HTTP endpoint: does it answer 200, and with what."""

import httpx


async def ask(url: str, timeout_s: float = 2.0) -> httpx.Response | None:
    """The answer when it is 200, otherwise None (refused, silent for `timeout_s`, another status)."""
    # Building a TLS context costs 30 ms a call, and these are plain HTTP on loopback.
    async with httpx.AsyncClient(trust_env=False, timeout=timeout_s, verify=False) as client:  # noqa: S501
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return None
    return answer if answer.status_code == httpx.codes.OK else None
