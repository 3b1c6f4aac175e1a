"""Whom the gateway believes about where a request comes from.

The rule it protects: behind a proxy that is not named, everybody comes from the proxy's address, and one person who
guesses passwords slows all others down. So the region's operator says which it is, or that there is none.
"""

from ipaddress import ip_network

from services.gateway.settings import GatewaySettings

NONE = "none"


def trusted_proxies(settings: GatewaySettings) -> str:
    """The proxies as uvicorn takes them, empty for none. Raises `ValueError` with a sentence for the operator."""
    said = settings.trusted_proxies.strip()
    if not said:
        if settings.public_url.startswith("https:"):
            raise ValueError(
                "SMARTPLUS_TRUSTED_PROXIES is not set, and SMARTPLUS_PUBLIC_URL is https: name the addresses or "
                'networks of the proxy that ends TLS (for example 10.0.0.0/8), or "none"'
            )
        return ""
    if said.lower() == NONE:
        return ""
    networks = []
    for each in said.split(","):
        try:
            # uvicorn takes a network whose own address is another for a name, and then believes nobody.
            networks.append(str(ip_network(each.strip(), strict=False)))
        except ValueError:
            raise ValueError(
                f"SMARTPLUS_TRUSTED_PROXIES: {each.strip()!r} is not an address or a network; separate them by commas"
            ) from None
    return ",".join(networks)
