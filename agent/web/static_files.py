"""The files of the page: read, compressed and hashed once at the start; nothing else is served."""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.web.problem import problem

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FIRST = "app.js"
QUICK = 4  # of gzip: half the time of 9, for 5 % more bytes
_IMPORT = re.compile(r"""^(?:import|export)\s[^;]*?["'](\.[^"']+)["']""", re.MULTILINE)
_CALL = re.compile(r"""(?<![\w$.])_\(\s*"((?:[^"\\]|\\.)*)\"""")
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


class StaticFile(Struct, frozen=True):
    """A file: its content, its media type and the entity tag of its content. packed: the content is compressed."""

    content: bytes
    media_type: str
    tag: str
    packed: bool = False


class StaticFiles(Struct, frozen=True):
    """files: path below /static → file. index: the page, without the data of the start. script_hash: of its import
    map, for the Content-Security-Policy. texts: that the page's own scripts show, in English.
    """

    files: Mapping[str, StaticFile]
    index: str
    script_hash: str
    texts: list[str]


def load(folder: Path = FOLDER) -> StaticFiles:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in TYPES
    }  # fmt: skip
    styles = [name for name in found if name.startswith("styles/")]
    found["page.css"] = b"".join(found.pop(name) for name in styles)
    index = (folder / "index.html").read_text(encoding="utf-8")
    import_map = _IMPORT_MAP.search(index)
    assert import_map is not None
    digest = base64.b64encode(hashlib.sha256(import_map[1].encode()).digest()).decode()
    sources = {name: body.decode() for name, body in found.items() if name.endswith(".js") and "vendor/" not in name}
    links = "".join(f'<link rel="modulepreload" href="/static/{name}">\n' for name in _imported(sources))
    return StaticFiles(
        {name: _packed(make_file(body, mime(name))) for name, body in found.items()},
        index.replace("</head>", f"{links}</head>"), f"'sha256-{digest}'", texts_of(sources.values()),
    )  # fmt: skip


def texts_of(sources: Iterable[str]) -> list[str]:
    """The literal texts in `_("…")` of scripts, each once."""
    found = (text.replace('\\"', '"') for source in sources for text in _CALL.findall(source))
    return list(dict.fromkeys(found))


def mime(name: str) -> str:
    suffix = Path(name).suffix
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def make_file(body: bytes, media_type: str) -> StaticFile:
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    return StaticFile(body, media_type, tag)


def _packed(file: StaticFile) -> StaticFile:
    return replace(file, content=gzip.compress(file.content, 9, mtime=0), packed=True)


def _imported(sources: Mapping[str, str]) -> list[str]:
    """The scripts that the first one imports, directly or through others, which the browser requests immediately."""
    found: list[str] = []
    waiting = [FIRST]
    while waiting:
        name = waiting.pop(0)
        for path in _IMPORT.findall(sources.get(name, "")):
            inner = _resolved(name, path)
            if inner in sources and inner not in found:
                found.append(inner)
                waiting.append(inner)
    return found


def _resolved(of: str, path: str) -> str:
    parts = of.split("/")[:-1]
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def respond(request: Request, file: StaticFile, cache: str = "no-cache") -> Response:
    """A file or a generated text; 304 if the client has it."""
    headers = {"etag": file.tag, "cache-control": cache, "vary": "accept-encoding"}
    known = request.headers.get("if-none-match", "")
    if file.tag.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = file.content if file.packed else gzip.compress(file.content, QUICK, mtime=0)
        return Response(packed, headers=headers | {"content-encoding": "gzip"}, media_type=file.media_type)
    plain = gzip.decompress(file.content) if file.packed else file.content
    return Response(plain, headers=headers, media_type=file.media_type)


async def _static(request: Request) -> Response:
    file = request.app.state.static.files.get(request.path_params["name"])
    return problem(request, 404) if file is None else respond(request, file)


routes = [Route("/static/{name:path}", _static)]
