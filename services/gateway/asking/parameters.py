"""The query and header parameters that several routes take, with their bounds.

Left out is the same as empty, and nothing is nullable: Litestar reads the word `null` as nothing where it may be.
"""

from typing import Annotated

from litestar.params import HeaderParameter, PathParameter, QueryParameter

from contracts.accounts.households import UserSearchKey
from contracts.devices.library import MacUse
from services.gateway.asking.positions import LENGTH_MAX, TOKENS_MAX

_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

PageNumber = Annotated[int, QueryParameter(ge=1, le=100_000, description="1 is the first page")]
PerPage = Annotated[int, QueryParameter(ge=1, le=100, description="Lines per page")]
Search = Annotated[str, QueryParameter(max_length=128, description="Beginning of a word; empty finds all")]
SearchKey = Annotated[
    str,
    QueryParameter(
        pattern=f"^({'|'.join(UserSearchKey)})?$",
        description="Where to search; everywhere when empty",
        schema_extra={"enum": ["", *UserSearchKey]},
    ),
]
After = Annotated[
    str,
    QueryParameter(
        max_length=LENGTH_MAX,
        description=f"At most {TOKENS_MAX} positions from earlier answers, with commas: this one waits, within bounds, "
        "to contain them. When there are several, `Smartplus-Position` of the answer replaces them all",
    ),
]
Cursor = Annotated[str, QueryParameter(max_length=64, description="`next` of the page before")]
MacSearch = Annotated[str, QueryParameter(max_length=64, description="Beginning or end of a MAC; empty finds all")]
MacUsed = Annotated[
    str,
    QueryParameter(
        pattern=f"^({'|'.join(MacUse)})$",
        description="Bound to a device, or not",
        schema_extra={"enum": [*MacUse]},
    ),
]
DeviceKey = Annotated[
    str,
    QueryParameter(
        pattern="^(mac|owner|name)?$",
        description="Where to search; everywhere when empty",
        schema_extra={"enum": ["", "mac", "owner", "name"]},
    ),
]
Household = Annotated[str, QueryParameter(pattern=f"^({_UUID})?$", description="Of this household alone")]
Subject = Annotated[
    str, QueryParameter(pattern=f"^({_UUID})?$", description="A household, an installer or a distributor")
]
MacInPath = Annotated[str, PathParameter(pattern="^[0-9A-F]{12}$", description="12 capital hexadecimal digits")]
IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        description="Repeats with the same key and content are done once",
        schema_extra={"minLength": 1, "maxLength": 128, "pattern": r"^[\x21-\x7e]{1,128}$"},
    ),
]
IfMatch = Annotated[str, HeaderParameter(name="If-Match", description="The ETag of the version that is being replaced")]
