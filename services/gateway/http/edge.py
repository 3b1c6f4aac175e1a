"""The outermost layer: what every answer carries, and what is measured of every request.

The rule it protects: no page of ours runs a foreign or inline script or stands in a foreign frame, and no answer of the
API is kept by a cache.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import structlog
from litestar.datastructures import MutableScopeHeaders
from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Histogram

from kernel.process.telemetry import REGISTRY, tracer
from services.gateway.http.asgi import Application, Message, Receive, Send
from services.gateway.http.receiving import Arriving

# Mantine writes its variables into <style>, so styles may stand in the page; scripts may not.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_HTTPS_ONLY = "max-age=31536000"

HTTP_SECONDS = Histogram(
    "smartplus_http_seconds",
    "Time from a request to the beginning of its answer, by route and status.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"})

_log = structlog.get_logger()


class Edge:
    """An ASGI application around the gateway's own. What operators ask has a port of its own."""

    def __init__(
        self,
        within: Application,
        methods: Mapping[str, str],
        public_url: str,
        elsewhere: Callable[[Message], Application | None] = lambda scope: None,
    ) -> None:
        """`methods` is what each route allows: Litestar tells only those that it knew of when it met the path.

        `elsewhere` says who answers for a host that is another origin; nothing of this one is said there.
        """
        self._within = within
        self._methods = methods
        self._https = public_url.startswith("https:")
        self._elsewhere = elsewhere

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if (other := self._elsewhere(scope)) is not None:
            await other(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._within(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"] if scope["method"] in _METHODS else "other"

        with tracer().start_as_current_span(method, kind=SpanKind.SERVER) as span:
            arriving = Arriving(receive, scope["path"])

            async def outgoing(message: Message) -> None:
                if message["type"] == "http.response.start":
                    arriving.answering = True
                    # The route, never the path: paths carry ids, and there are as many as households.
                    route = scope.get("path_template") or "none"
                    status = message["status"]
                    HTTP_SECONDS.labels(method, route, status).observe(time.perf_counter() - began)
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                    if method not in ("GET", "HEAD", "OPTIONS"):
                        ms = round((time.perf_counter() - began) * 1000, 2)
                        _log.info("answered", method=method, route=route, status=status, ms=ms)
                    _protect(message, scope, self._https)
                    if method == "OPTIONS" and route in self._methods:
                        MutableScopeHeaders(cast(Any, message))["Allow"] = self._methods[route]
                await send(message)

            await self._within(scope, arriving, outgoing)


def _protect(message: Message, scope: Message, https: bool) -> None:
    headers = MutableScopeHeaders(cast(Any, message))
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if https:
        headers.setdefault("Strict-Transport-Security", _HTTPS_ONLY)
    if scope["path"].startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
