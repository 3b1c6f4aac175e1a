"""What the gateway alone reads from its environment."""

from typing import Annotated

from pydantic import Field

from kernel.process.settings import ProcessSettings


class GatewaySettings(ProcessSettings):
    """Where the public comes in, and whom it is told to ask."""

    operations_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where the gateway's health and metrics answer; keep it from the public."""
    trusted_proxies: str = ""
    """Addresses or networks, separated by commas, whose `X-Forwarded-For` is believed, or `none`.

    The gateway demands it where the public URL is https.
    """
    public_url: str = "http://localhost:8000"
    remote_control_host: Annotated[str, Field(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)*)?$")] = ""
    """Below which devices' own pages appear, each under a random name; `*.` and this must lead to the gateway.

    Empty: `rc.` and the host of `public_url`. A host that shares nothing with the console's keeps cookies apart best.
    """
    sales_email: str = ""
    support_email: str = ""
    security_contact: Annotated[str, Field(pattern=r"^((mailto:|https://|tel:)[\x21-\x7e]+)?$")] = ""
    """Where weaknesses are reported, as `/.well-known/security.txt` tells; empty: the support e-mail."""
    telephone: str = ""
    manuals_url: str = ""
    ticket_url: str = ""
    smart_home_url: str = ""
    payment_notice: str = ""
