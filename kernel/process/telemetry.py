"""What a process tells about itself: logs, traces and metrics. None of them ever carries personal data.

A log line names kinds, ids, positions, durations and the trace; a metric label and a span name say what kind, never
which one, so that their number does not grow with the number of households.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts.message import Recorded
from kernel.log.promise import Conflict, Log, LogFull, NewMessage, Unavailable
from kernel.process.settings import ProcessSettings

VERSION = "6.7.0"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SPAN_OF_OLD_EVENTS_S = 60.0
# With all retries: a collector that is away must not hold up the end of a process.
_COLLECTOR_TIMEOUT_S = 2.0

REGISTRY = CollectorRegistry()
APPEND_SECONDS = Histogram(
    "smartplus_append_seconds",
    "Time from the call to the log's answer, by outcome (stored, conflict, unavailable, full).",
    ("service", "outcome"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
APPENDED_EVENTS = Counter(
    "smartplus_appended_events", "Events acknowledged by the log.", ("service",), registry=REGISTRY
)
CONFLICTS = Counter(
    "smartplus_append_conflicts",
    "Appends lost to somebody faster; each is decided again.",
    ("service",),
    registry=REGISTRY,
)
ANSWERS = Counter(
    "smartplus_answers",
    "Commands and queries by how they were answered: accepted, view, or the code of the refusal.",
    ("service", "message", "outcome"),
    registry=REGISTRY,
)
ANSWER_SECONDS = Histogram(
    "smartplus_answer_seconds",
    "Time from taking a command or query to its answer.",
    ("service", "message"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROJECTION_LAG_EVENTS = Gauge(
    "smartplus_projection_lag_events",
    "Events in the log that the read models lack.",
    ("service", "stream"),
    registry=REGISTRY,
)
PROJECTION_LAG_SECONDS = Gauge(
    "smartplus_projection_lag_seconds",
    "For how long the read models have lacked events.",
    ("service", "stream"),
    registry=REGISTRY,
)
PROJECTED_AGE_SECONDS = Histogram(
    "smartplus_projected_age_seconds",
    "Age of the newest event of a batch when it became visible.",
    ("service",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
PROJECTED_EVENTS = Counter(
    "smartplus_projected_events", "Events applied to read models.", ("service", "stream"), registry=REGISTRY
)
PROJECTION_BATCH_EVENTS = Histogram(
    "smartplus_projection_batch_events",
    "Events per committed batch.",
    ("service",),
    buckets=(1, 2, 5, 10, 50, 100, 250, 500, 1000),
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "smartplus_dead_letters",
    "Events that wait, with their reason, for a person: in the projection or in the reactions.",
    ("service", "reader"),
    registry=REGISTRY,
)
ERASURE_AGE_SECONDS = Gauge(
    "smartplus_erasure_age_seconds",
    "How long ago the newest run of the eraser that is done began: what was erased before is in no copy any more.",
    ("service",),
    registry=REGISTRY,
)

# Without the variables of each frame: they hold what people typed.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
_PROPAGATOR = TraceContextTextMapPropagator()
# Of the flags at the end of a `traceparent`: somebody keeps this trace.
_SAMPLED = 1


def set_up_logging(service: str, settings: ProcessSettings) -> None:
    """One line per happening on the standard output, as JSON or for a person; libraries' own from warnings up."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
    ]
    renderer: list[structlog.typing.Processor] = (
        [_tracebacks, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        # Plain, because the other tracebacks show every local variable: passwords, cookies, names.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service, region=settings.region)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_internals, *renderer])
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def _without_internals(_logger: Any, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_logger, _name, line)


def _with_trace(_logger: Any, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = trace.format_trace_id(context.trace_id)
    return line


def set_up_tracing(service: str, settings: ProcessSettings, exporter: SpanExporter | None = None) -> TracerProvider:
    """The process's tracer provider. Spans go to `exporter`, or to OTEL_EXPORTER_OTLP_ENDPOINT; else only ids are made.

    Trace ids exist in every case, so that logs, events and answers can be joined by them.
    """
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        return present
    if exporter is None and settings.otlp_endpoint is not None:
        # Imported here: it loads requests and protobuf, 15 MB that a process without a collector need not carry.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        traces = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
        exporter = OTLPSpanExporter(endpoint=traces, timeout=_COLLECTOR_TIMEOUT_S)
    resource = Resource.create(
        {"service.name": service, "service.version": VERSION, "deployment.environment.name": settings.region}
    )
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF if exporter is None else ALWAYS_ON), resource=resource)
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


@cache
def tracer() -> Tracer:
    """The tracer of the kernel and of whoever builds on it."""
    return trace.get_tracer("smartplus")


def traced_headers() -> dict[str, str]:
    """The present span as message headers (`traceparent`), empty outside of a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def trace_context(headers: Mapping[str, str] | None) -> Context:
    """The trace that a message belongs to, from its headers."""
    return _PROPAGATOR.extract(dict(headers or {}))


def span_of(name: str, traceparent: str | None, **attributes: str | int) -> Any:
    """A context manager: a span called `name`, in the trace of the event or message that carries `traceparent`."""
    context = trace_context({"traceparent": traceparent}) if traceparent else None
    return tracer().start_as_current_span(name, context=context, kind=SpanKind.CONSUMER, attributes=dict(attributes))


def trace_projected(service: str, recorded: Iterable[Recorded]) -> None:
    """One span per event in the event's own trace, from its being recorded to its being visible in the read models.

    Events that are replayed long after they happened get none: a rebuild is not part of anybody's click.
    """
    now_ns = time.time_ns()
    for each in recorded:
        if each.traceparent is None or not int(each.traceparent[-2:], 16) & _SAMPLED:
            continue
        began_ns = int(each.at.timestamp() * 1e9)
        if now_ns - began_ns > _SPAN_OF_OLD_EVENTS_S * 1e9:
            continue
        span: Span = tracer().start_span(
            f"project {each.event.type_name()}",
            context=trace_context({"traceparent": each.traceparent}),
            kind=SpanKind.CONSUMER,
            start_time=min(began_ns, now_ns),
            attributes={"smartplus.service": service, "smartplus.stream": each.stream, "smartplus.seq": each.seq},
        )
        span.end(now_ns)


class MeasuredLog:
    """A log that is timed and counted; otherwise the log it is given.

    An append lasts within `admitted`, and is counted by `count`: each may refuse it before it is sent. `note` hears the
    outcome of each.
    """

    def __init__(
        self,
        log: Log,
        service: str,
        note: Callable[[str], None] = lambda outcome: None,
        admitted: Callable[[Sequence[NewMessage]], AbstractContextManager[None]] = lambda messages: nullcontext(),
        count: Callable[[Sequence[NewMessage]], None] = lambda messages: None,
    ) -> None:
        self._log = log
        self._service = service
        self._note = note
        self._admitted = admitted
        self._count = count
        self.stream = log.stream
        self.epoch = log.epoch
        self.read_subject = log.read_subject
        self.follow = log.follow
        self.last_seq = log.last_seq

    async def append(self, messages: Sequence[NewMessage], timeout_s: float = 10.0) -> tuple[int, ...]:
        """As the log promises."""
        outcome = "failed"
        began = time.perf_counter()
        with tracer().start_as_current_span(
            f"append {self.stream}", kind=SpanKind.PRODUCER, attributes={"smartplus.events": len(messages)}
        ):
            try:
                with self._admitted(messages):
                    self._count(messages)
                    stored = await self._log.append(messages, timeout_s)
                outcome = "stored"
                APPENDED_EVENTS.labels(self._service).inc(len(messages))
                return stored
            except Conflict:
                outcome = "conflict"
                CONFLICTS.labels(self._service).inc()
                raise
            except LogFull:
                outcome = "full"
                raise
            except Unavailable:
                outcome = "unavailable"
                raise
            finally:
                APPEND_SECONDS.labels(self._service, outcome).observe(time.perf_counter() - began)
                self._note(outcome)
