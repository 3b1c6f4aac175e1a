"""What a no looks like over HTTP: one table from refusal code to status, one document (RFC 9457).

The rule it protects: every answer that is not a yes has a stable code and a sentence, and tells nothing else.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from opentelemetry import trace
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.message import FieldRefusal, Refusal, Refused
from contracts.reasons import Kind
from contracts.refusals import REFUSALS
from kernel.guarding.budgets import SPENT, next_day
from kernel.log.promise import LogFull, Unavailable
from kernel.talking.wire import LOG_FULL, invalid

MEDIA_TYPE = "application/problem+json"
FIELD_LENGTH_MAX = 200

_log = structlog.get_logger()

_STATUS_OF_KIND: Mapping[Kind, int] = {
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.UNKNOWN: 404,
    Kind.INVALID: 400,
    Kind.CONFLICT: 409,
}

# What the services refuse stands in the contracts with its kind; the rest is the bus's and the gateway's own.
STATUS: Mapping[str, int] = {
    **{code: _STATUS_OF_KIND[reason.kind] for code, reason in REFUSALS.items()},
    "permission-not-granted": 403,
    "malformed": 400,
    "invalid": 400,
    "signed-out": 401,
    "impersonation-ended": 401,
    "csrf": 403,
    "not-allowed": 403,
    "password-change-required": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "too-slow": 408,
    "contended": 409,
    "changed-meanwhile": 412,
    "too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-key-reused": 422,
    "too-many": 429,
    "failed": 500,
    "internal": 500,
    "actor-unproved": 500,
    "behind": 503,
    "unavailable": 503,
    LOG_FULL: 507,
    SPENT: 429,
}

# Litestar's own refusals, by status.
_CODE_OF: Mapping[int, str] = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}


class FieldProblem(BaseModel):
    """One thing wrong with one field of the request."""

    field: str
    code: str
    detail: str


class ProblemDetails(BaseModel):
    """Why a request was not obeyed (RFC 9457). `code` is stable; `detail` is a sentence in English."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem]
    trace_id: str


class Problem(Exception):
    """The gateway itself says no."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: Iterable[FieldRefusal] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def status_of(code: str) -> int:
    """The HTTP status of a refusal; 409 for a code that is not listed, as most of what services refuse is."""
    return STATUS.get(code, 409)


def trace_id() -> str:
    """The id under which this request is found in traces and logs; zeros when it is not traced."""
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


def answer(
    status: int,
    code: str,
    detail: str = "",
    errors: Iterable[FieldRefusal] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[ProblemDetails]:
    """The problem document as a response."""
    title = HTTPStatus(status).phrase
    document = ProblemDetails(
        type=f"urn:smartplus:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=detail or f"{title}.",
        errors=[FieldProblem(**each.model_dump()) for each in errors],
        trace_id=trace_id(),
    )
    return Response(document, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


_AGAIN = {"Retry-After": "1"}

Asked = Request[Any, Any, Any]


def when_problem(_: Asked, problem: Problem) -> Response[ProblemDetails]:
    return answer(problem.status, problem.code, problem.detail, problem.errors, problem.headers)


def when_refused(_: Asked, refused: Refused) -> Response[ProblemDetails]:
    return _refusal(refused.refusal())


def when_unavailable(_: Asked, unavailable: Unavailable) -> Response[ProblemDetails]:
    """Nobody knows whether it was done: the same request with the same Idempotency-Key finds out.

    Unless the log has no room: then it is certain that it was not done.
    """
    if isinstance(unavailable, LogFull):
        return answer(status_of(LOG_FULL), LOG_FULL, str(unavailable))
    return answer(503, "unavailable", "The service cannot say now. Try again.", headers=_AGAIN)


def when_invalid(_: Asked, error: ValidationError) -> Response[ProblemDetails]:
    """A body, or a command or query that was put together from the request, does not hold."""
    return _refusal(invalid(error))


def _refusal(refusal: Refusal) -> Response[ProblemDetails]:
    status = status_of(refusal.code)
    return answer(status, refusal.code, refusal.detail, refusal.errors, _again(status, refusal.code))


def _again(status: int, code: str) -> Mapping[str, str] | None:
    """When to try again, where that is known."""
    if code == SPENT:
        now = datetime.now(UTC)
        return {"Retry-After": str(math.ceil((next_day(now) - now).total_seconds()))}
    return _AGAIN if status == 503 else None


def when_parameters_invalid(_: Asked, error: ValidationException) -> Response[ProblemDetails]:
    errors = [
        FieldRefusal(
            field=str(each.get("key", ""))[:FIELD_LENGTH_MAX],
            code="wrong-type" if "got `" in str(each.get("message")) else "not-allowed",
            detail=str(each.get("message", "")),
        )
        for each in (error.extra if isinstance(error.extra, list) else [])
        if isinstance(each, dict)
    ]
    return answer(400, "invalid", errors=errors)


def when_http(_: Asked, error: HTTPException) -> Response[ProblemDetails]:
    if error.status_code >= 500:
        return when_broken(_, error)
    return answer(error.status_code, _CODE_OF.get(error.status_code, "malformed"), headers=error.headers)


def when_broken(asked: Asked, error: Exception) -> Response[ProblemDetails]:
    _log.error("request-failed", route=asked.scope.get("path_template"), exc_info=error)
    return answer(500, "failed", "Something broke on our side.")
