"""What Python and the drivers lack, put right for the whole process and in this one place.

`kernel/__init__.py` applies it: whatever of the kernel is imported, it stands before anything waits or connects.
"""

from __future__ import annotations

import asyncio
import sys

import pymongo.lock
from nats.aio.client import Client

from kernel.runtime import header_lines, late_pongs
from kernel.runtime.wait_for import wait_for


def apply() -> None:
    """Replace what is lacking. Once more changes nothing."""
    if sys.version_info < (3, 12):
        asyncio.wait_for = asyncio.tasks.wait_for = wait_for  # type: ignore[assignment]
        # PyMongo has taken a reference of its own.
        pymongo.lock.wait_for = wait_for  # type: ignore[attr-defined, assignment]
    Client._parse_header_lines = staticmethod(header_lines.parse)  # type: ignore[method-assign]
    Client._send_publish = header_lines.send_publish  # type: ignore[method-assign]
    Client._process_pong = late_pongs.process_pong  # type: ignore[method-assign]
