"""The files of the page: read, compressed and hashed once at the start; nothing else is served."""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.web.http.problem import problem
from agent.web.http.script_bundle import bundle

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FIRST = "app.js"
QUICK = 4  # of gzip: half the time of 9, for 5 % more bytes
_CALL = re.compile(r"""(?<![\w$.])_\(\s*"((?:[^"\\]|\\.)*)\"""")
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


class StaticFile(Struct, frozen=True):
    """A file: its content, its media type and the entity tag of its content. packed: the content is compressed."""

    content: bytes
    media_type: str
    tag: str
    packed: bool = False


class StaticFiles(Struct, frozen=True):
    """files: path below /static → file; the scripts that the page loads first are one file.
    index: the page, without the data of the start.
    script_hash: of its import map, for the Content-Security-Policy.
    texts: own script → the literal texts that it shows, in English.
    imported: names of those that the page loads first.
    """

    files: Mapping[str, StaticFile]
    index: str
    script_hash: str
    texts: Mapping[str, list[str]]
    imported: tuple[str, ...]

    def texts_of(self, names: Iterable[str]) -> list[str]:
        """The texts of these scripts, each once."""
        return list(dict.fromkeys(text for name in names for text in self.texts[name]))


def load(folder: Path = FOLDER, page: str = "index.html", first: str = FIRST) -> StaticFiles:
    """page: its document. first: its script, which imports the others."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in TYPES
    }  # fmt: skip
    styles = [name for name in found if name.startswith("styles/")]
    found["page.css"] = b"".join(found.pop(name) for name in styles)
    index = (folder / page).read_text(encoding="utf-8")
    sources = {name: body.decode() for name, body in found.items() if name.endswith(".js") and "vendor/" not in name}
    together = bundle(sources, first)
    others = together.names[:-1]
    found[first] = together.text.encode()
    index, import_map = _with_imports(index, others, first)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return StaticFiles(
        {name: _packed(make_file(body, mime(name))) for name, body in found.items() if name not in others},
        index, f"'sha256-{digest}'", {name: _texts(source) for name, source in sources.items()}, together.names,
    )  # fmt: skip


def _with_imports(index: str, names: Iterable[str], first: str) -> tuple[str, str]:
    """The page whose import map leads the names of scripts to the first one, and the text of this map."""
    written = _IMPORT_MAP.search(index)
    assert written is not None
    imports = msgspec.json.decode(written[1])["imports"]
    mapped = {f"/static/{name}": f"/static/{first}" for name in names}
    text = msgspec.json.encode({"imports": imports | mapped}).decode()
    return index.replace(written[1], text), text


def _texts(source: str) -> list[str]:
    """The literal texts in `_("…")` of a script."""
    return [text.replace('\\"', '"') for text in _CALL.findall(source)]


def mime(name: str) -> str:
    suffix = Path(name).suffix
    return TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def make_file(body: bytes, media_type: str) -> StaticFile:
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    return StaticFile(body, media_type, tag)


def _packed(file: StaticFile) -> StaticFile:
    return replace(file, content=gzip.compress(file.content, 9, mtime=0), packed=True)


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
