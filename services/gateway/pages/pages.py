"""Pages and their files: the console, and the API's own page. Everything comes from here, nothing from elsewhere.

The rule it protects: a link into the console opens the console; a file with a hash in its name is fetched once.
"""

import gzip
import mimetypes
from asyncio import to_thread
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get, route
from litestar.datastructures import State
from litestar.params import FromPath

from services.gateway.http.problems import Problem

CONSOLE = Path(__file__).parents[3] / "web" / "dist"
DOCS = Path(__file__).parent / "docs_static"

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_COMPRESSED_FROM_BYTES = 1024
_TEXT = ("text/", "application/javascript", "application/json", "image/svg+xml", "application/manifest+json")

_NO_CONSOLE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>SmartPlus</title>
<h1>SmartPlus is running</h1>
<p>The console has not been built yet: run <code>make up</code>, or <code>npm run build</code> in <code>web/</code>.
<p>The API works: <a href="/api/docs">its documentation</a>.
</html>
"""

_DOCS_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>SmartPlus API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""


@lru_cache(maxsize=128)
def _content(file: Path, modified_ns: int, compressed: bool) -> bytes:
    content = file.read_bytes()
    return gzip.compress(content, 6, mtime=0) if compressed else content


async def _file(request: Request[Any, Any, Any], file: Path, cached: str) -> Response[bytes]:
    status = await to_thread(file.stat)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    is_small = status.st_size < _COMPRESSED_FROM_BYTES or not kind.startswith(_TEXT)
    compressed = not is_small and "gzip" in request.headers.get("accept-encoding", "")
    etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}{"-gzip" if compressed else ""}"'
    headers = {"Cache-Control": cached, "ETag": etag, "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=kind)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    if kind.startswith("text/") or kind == "application/javascript":
        kind += "; charset=utf-8"
    content = b"" if request.method == "HEAD" else await to_thread(_content, file, status.st_mtime_ns, compressed)
    return Response(content, headers=headers, media_type=kind)


def _within(folder: Path, path: str) -> Path | None:
    """The file that `path` names inside of `folder`, if there is one."""
    try:
        file = (folder / path.lstrip("/")).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except (OSError, ValueError):  # a name too long for the disk, or with a NUL in it
        return None


@route(["/", "/{path:path}"], http_method=["GET", "HEAD"], include_in_schema=False, status_code=200)
async def console(request: Request[Any, Any, State], path: FromPath[str] = "") -> Response[Any]:
    """A file of the console; for a page's address the console itself, which knows its own pages."""
    folder: Path = request.app.state.console
    if path.startswith("/api/"):
        raise Problem(404, "not-found", "There is nothing here.")
    if file := _within(folder, path or "index.html"):
        return await _file(request, file, _FOR_EVER if path.startswith("/assets/") else _ASK_AGAIN)
    if "text/html" not in request.headers.get("accept", "") or path.startswith("/assets/"):
        raise Problem(404, "not-found", "There is nothing here.")
    if file := _within(folder, "index.html"):
        return await _file(request, file, _ASK_AGAIN)
    return Response(_NO_CONSOLE, media_type="text/html", headers={"Cache-Control": _ASK_AGAIN})


@get("/api/openapi.json", include_in_schema=False)
async def openapi(request: Request[Any, Any, State]) -> Response[bytes]:
    """The OpenAPI document of what runs here."""
    written: bytes = await to_thread(request.app.state.openapi)
    return Response(written, media_type="application/json", headers={"Cache-Control": _ASK_AGAIN})


@get("/api/docs", include_in_schema=False)
async def docs() -> Response[str]:
    """The API's documentation, to read and to try; works without a network."""
    return Response(_DOCS_PAGE, media_type="text/html", headers={"Cache-Control": _ASK_AGAIN})


@get("/api/docs/{name:str}", include_in_schema=False)
async def docs_file(request: Request[Any, Any, State], name: FromPath[str]) -> Response[Any]:
    """Swagger UI's own files, kept in this repository."""
    if file := _within(DOCS, name):
        return await _file(request, file, _ASK_AGAIN)
    raise Problem(404, "not-found", "There is nothing here.")
