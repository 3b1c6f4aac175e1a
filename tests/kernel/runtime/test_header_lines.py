"""The faster headers are read and written as nats-py's own are."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from kernel.runtime import header_lines

lines = st.binary(max_size=20) | st.builds(
    lambda name, value: name + b":" + value,
    st.sampled_from(
        [b"ce-id", b" ce-id", b"ce-id\t", b"ce id", b"", b"n\xc3\xa4me", b"\xff", b"A\rB", b"a\x1cb", b"a\x85"]
    ),
    st.binary(max_size=20),
)


@given(st.lists(lines).map(b"\r\n".join) | st.binary())
def test_headers_are_read_as_nats_py_reads_them(raw: bytes) -> None:
    assert header_lines.parse(raw) == header_lines.original(raw)


def sent(send: Any, headers: dict[str, str]) -> bytes | type[Exception]:
    """What goes over the wire, or what is raised instead."""
    wire: list[bytes] = []

    async def take(command: bytes) -> None:
        wire.append(command)

    client = SimpleNamespace(stats={"out_msgs": 0, "out_bytes": 0}, _send_command=take, _flush_queue=None)
    try:
        asyncio.run(send(client, "event.a.b.c", "", b"{}", 2, headers))
    except Exception as error:  # noqa: BLE001 (whatever it is, both must raise it)
        return type(error)
    assert client.stats == {"out_msgs": 1, "out_bytes": 2}
    return wire[0]


names = st.sampled_from(
    ["ce-id", "Nats-Msg-Id", " ce-id", "ce-id\t", "ce id", "", " ", "näme", "a:b", "a\nb"]
) | st.text(max_size=5)
values = st.sampled_from(["", " a ", "a\nb", "a\r\nb", "a\n", "\x85a\u2003", "ü", '{"a": 1}']) | st.text(max_size=8)


@given(st.dictionaries(names, values, max_size=4))
def test_headers_are_written_as_nats_py_writes_them(headers: dict[str, str]) -> None:
    assert sent(Client._send_publish, headers) == sent(header_lines.original_send, headers)


@pytest.mark.parametrize("headers", [{"ce-id": "1"}, {"ce-id": "1", "ce-type": " a.B.v1 "}])
def test_ordinary_headers_take_the_fast_way(headers: dict[str, str]) -> None:
    assert header_lines.write(headers) is not None


def test_the_client_uses_it() -> None:
    assert Client._parse_header_lines is header_lines.parse
    assert Client._send_publish is header_lines.send_publish
