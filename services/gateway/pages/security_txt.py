"""Where weaknesses are reported (RFC 9116)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from services.gateway.http.problems import Problem
from services.gateway.settings import GatewaySettings

PATH = "/.well-known/security.txt"
_VALID_DAYS = 180


@get(PATH, include_in_schema=False, sync_to_thread=False)
def security_txt(request: Request[Any, Any, State]) -> Response[str]:
    """The contact from the settings; whoever reads it asks again within half a year."""
    settings: GatewaySettings = request.app.state.settings
    contact = settings.security_contact or (f"mailto:{settings.support_email}" if settings.support_email else "")
    if not contact:
        raise Problem(404, "not-found", "There is nothing here.")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {contact}",
        f"Expires: {today + timedelta(days=_VALID_DAYS):%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.public_url.rstrip('/')}{PATH}",
        "",
    ]
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response("\n".join(lines), media_type="text/plain", headers=headers)
