"""Eclipse Mosquitto as a device: its tools, as a person types them, and the C library below them.

It shares no line with our own virtual intercom, nor with what that one is made of.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import json
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]

_MQTT_3_1_1 = 4
_OPT_PROTOCOL_VERSION = 1


class _Message(ctypes.Structure):
    _fields_ = (
        ("mid", ctypes.c_int),
        ("topic", ctypes.c_char_p),
        ("payload", ctypes.POINTER(ctypes.c_char)),
        ("payloadlen", ctypes.c_int),
        ("qos", ctypes.c_int),
        ("retain", ctypes.c_bool),
    )


_OnConnect = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_OnSubscribe = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_OnMessage = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(_Message))


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(ctypes.util.find_library("mosquitto") or "libmosquitto.so.1")
    library.mosquitto_lib_init()
    library.mosquitto_new.restype = ctypes.c_void_p
    library.mosquitto_new.argtypes = (ctypes.c_char_p, ctypes.c_bool, ctypes.c_void_p)
    library.mosquitto_int_option.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
    library.mosquitto_username_pw_set.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p)
    library.mosquitto_will_set.argtypes = (
        *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool),
    )
    library.mosquitto_connect.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int)
    library.mosquitto_subscribe.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
    library.mosquitto_publish.argtypes = (
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int),
        *(ctypes.c_char_p, ctypes.c_int, ctypes.c_bool),
    )
    for name in ("loop_start", "disconnect", "destroy"):
        getattr(library, f"mosquitto_{name}").argtypes = (ctypes.c_void_p,)
    library.mosquitto_loop_stop.argtypes = (ctypes.c_void_p, ctypes.c_bool)
    for name, kind in (("connect", _OnConnect), ("subscribe", _OnSubscribe), ("message", _OnMessage)):
        getattr(library, f"mosquitto_{name}_callback_set").argtypes = (ctypes.c_void_p, kind)
    return library


class Firmware:
    """One connection of a device, by libmosquitto: subscribed to its commands when it is entered."""

    def __init__(self, port: int, mac: str, key: str) -> None:
        self._mac, self._port, self._key = mac, port, key
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[Json] = asyncio.Queue()
        self._subscribed: asyncio.Future[int] = self._loop.create_future()
        self._library = _library()
        self._mosquitto = self._library.mosquitto_new(mac.encode(), True, None)
        self._library.mosquitto_int_option(self._mosquitto, _OPT_PROTOCOL_VERSION, _MQTT_3_1_1)
        self._library.mosquitto_username_pw_set(self._mosquitto, mac.encode(), key.encode())
        # Kept here: the library keeps only their addresses.
        self._callbacks = (_OnConnect(self._on_connect), _OnSubscribe(self._on_subscribe), _OnMessage(self._on_message))
        for name, callback in zip(("connect", "subscribe", "message"), self._callbacks, strict=True):
            getattr(self._library, f"mosquitto_{name}_callback_set")(self._mosquitto, callback)

    async def say(self, kind: str, message: Json) -> None:
        """Publish on one of the device's own topics."""
        await self.say_bytes(kind, json.dumps(message).encode())

    async def say_bytes(self, kind: str, body: bytes) -> None:
        """Publish what need not be a message at all."""
        topic = f"d/{self._mac}/{kind}".encode()
        assert self._library.mosquitto_publish(self._mosquitto, None, topic, len(body), body, 1, False) == 0

    async def told(self, type: str, holds: Callable[[Json], bool] = lambda _: True, timeout_s: float = 60.0) -> Json:
        """The next message of that type of which it holds; what comes before it is passed over."""
        return await self.told_any((type,), holds, timeout_s)

    async def told_any(
        self, types: Sequence[str], holds: Callable[[Json], bool] = lambda _: True, timeout_s: float = 60.0
    ) -> Json:
        """The next message of one of these types of which it holds."""
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self._told.get()
                if message["type"] in types and holds(message):
                    return message

    async def __aenter__(self) -> Self:
        will = json.dumps({"online": False}).encode()
        topic = f"d/{self._mac}/state".encode()
        assert self._library.mosquitto_will_set(self._mosquitto, topic, len(will), will, 0, False) == 0
        connect = self._library.mosquitto_connect
        assert await asyncio.to_thread(connect, self._mosquitto, b"127.0.0.1", self._port, 30) == 0
        assert self._library.mosquitto_loop_start(self._mosquitto) == 0
        async with asyncio.timeout(15):
            assert await self._subscribed == 0, "the subscription was refused"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.mosquitto_disconnect(self._mosquitto)
        await asyncio.to_thread(self._library.mosquitto_loop_stop, self._mosquitto, False)
        self._library.mosquitto_destroy(self._mosquitto)

    def _on_connect(self, mosquitto: int, _: int, code: int) -> None:
        if code == 0:
            self._library.mosquitto_subscribe(mosquitto, None, f"d/{self._mac}/cmd".encode(), 0)

    def _on_subscribe(self, *granted: Any) -> None:
        self._loop.call_soon_threadsafe(self._note_subscribed, int(granted[-1][0]))

    def _note_subscribed(self, granted: int) -> None:
        if not self._subscribed.done():
            self._subscribed.set_result(granted)

    def _on_message(self, _: int, __: int, message: Any) -> None:
        told = message.contents
        body = json.loads(ctypes.string_at(told.payload, told.payloadlen))
        self._loop.call_soon_threadsafe(self._told.put_nowait, body)


async def shell(script: str, variables: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and output of a script, as a person would run it."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return process.returncode or 0, output.decode()
