"""`python -m ops.openapi` writes `contracts/openapi.json`, from which the console's client is generated."""

import json
from pathlib import Path

from services.gateway.app import described

FILE = Path(__file__).parent.parent / "contracts" / "openapi.json"


def text() -> str:
    """The OpenAPI document as it is committed."""
    return json.dumps(described(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
