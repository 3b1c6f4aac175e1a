"""Logs that a machine can read, spans that reach the collector, and a process that dies where a test says."""

import asyncio
import io
import json
import logging
import os
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from kernel.process.health import serving
from kernel.process.settings import Settings
from kernel.process.telemetry import set_up_logging, set_up_tracing, tracer
from ops.processes import free_port
from tests.kernel.service.test_service import SECRET, calling, click, count, process


@pytest.fixture
def unused() -> Settings:
    return Settings(nats_url="nats://unused", mongodb_uri="mongodb://unused", secret=SECRET, log_level="info")


def said(settings: Settings) -> list[dict[str, Any]]:
    """What is logged with these settings, by us and by a library."""
    before = logging.getLogger().handlers, logging.getLogger().level, structlog.get_config()
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            set_up_logging("toy", settings)
            log = structlog.get_logger()
            with tracer().start_as_current_span("click"):
                log.info("decided", position="TOY.7", ms=1.5)
            log.debug("not said")
            try:
                raise RuntimeError("broken")
            except RuntimeError as error:
                log.error("internal", exc_info=error)
            logging.getLogger("a.library").warning("heed %s", "this")
            logging.getLogger("a.library").info("not said")
    finally:
        logging.getLogger().handlers, logging.getLogger().level = before[:2]
        structlog.configure(**before[2])
        structlog.contextvars.clear_contextvars()
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_log_line_is_one_json_object_with_service_and_trace(unused: Settings) -> None:
    set_up_tracing("toy", unused)
    decided, internal, library = said(unused)
    assert (decided["event"], decided["service"], decided["region"]) == ("decided", "toy", "local")
    assert (decided["position"], decided["ms"], decided["level"]) == ("TOY.7", 1.5, "info")
    assert len(decided["trace_id"]) == 32
    assert internal["exception"][0]["exc_value"] == "broken"
    assert (library["event"], library["level"]) == ("heed this", "warning")


def test_the_exception_of_a_log_line_shows_no_variables(unused: Settings) -> None:
    internal = json.dumps(said(unused)[1])
    assert "frames" in internal
    assert "unused" not in internal


def test_a_message_that_is_not_valid_does_not_quote_what_was_typed() -> None:
    with pytest.raises(ValidationError) as caught:
        count(label="swordfish" * 10)
    assert "swordfish" not in str(caught.value)


async def test_spans_reach_the_collector(tmp_path: Path, nats_url: str, mongodb_uri: str) -> None:
    exported: list[ExportTraceServiceRequest] = []

    async def collector(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        exported.append(ExportTraceServiceRequest.FromString(body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with serving(collector, "127.0.0.1", 0) as port:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        async with (
            process(tmp_path, nats_url, mongodb_uri, **endpoint) as toy,
            calling(nats_url) as caller,
        ):
            await toy.until_ready()
            with click():
                await caller.command(count())
            toy.process.send_signal(signal.SIGTERM)
            await toy.process.wait()
    resources = [spans for request in exported for spans in request.resource_spans]
    names = {span.name for spans in resources for scope in spans.scope_spans for span in scope.spans}
    assert {"command.toy.Count process", "append TOY"} <= names
    services = {each.value.string_value for spans in resources for each in spans.resource.attributes}
    assert {"toy", "6.7.0", "local"} <= services


async def test_a_collector_that_is_away_does_not_hold_up_the_stop(
    tmp_path: Path, nats_url: str, mongodb_uri: str
) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    async with process(tmp_path, nats_url, mongodb_uri, **endpoint) as toy, calling(nats_url) as caller:
        await toy.until_ready()
        await caller.command(count())
        toy.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(toy.process.wait(), 15) == 0


@pytest.mark.parametrize(
    ("wanted", "passed"), [("", "abab"), ("b", "a"), ("a:2", "ab"), ("a:3", "abab"), ("other", "abab")]
)
async def test_a_process_dies_at_the_point_it_is_told_to(wanted: str, passed: str) -> None:
    script = (
        "from kernel.runtime.crash import crash_here\nfor c in 'abab':\n  crash_here(c)\n  print(c, end='', flush=True)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "CRASH_AT": wanted},
    )
    output, _ = await process.communicate()
    assert output.decode() == passed
    assert process.returncode == (0 if passed == "abab" else -signal.SIGKILL)


async def test_a_running_process_is_told_by_a_file_where_to_die_once(tmp_path: Path) -> None:
    file = tmp_path / "crash"
    script = (
        "from kernel.runtime.crash import crash_here\nimport sys\n"
        "for line in sys.stdin:\n  crash_here(line.strip())\n  print('passed', flush=True)"
    )

    async def started() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "CRASH_FILE": str(file)},
        )

    async def passes(process: asyncio.subprocess.Process) -> bool:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"here\n")
        return await process.stdout.readline() == b"passed\n"

    doomed = await started()
    assert await passes(doomed)
    file.write_text("here")
    assert not await passes(doomed)
    assert await doomed.wait() == -signal.SIGKILL
    after = await started()
    assert await passes(after)
    after.kill()
    await after.wait()
