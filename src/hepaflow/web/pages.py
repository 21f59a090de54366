"""The built page, held as a list of files made at start: an address is looked up in it and never becomes a path."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hepaflow.web.refusals import NotThere, Refused

PAGE = Path(__file__).parent / "page"
_KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".woff2": "font/woff2"}
#: A name that the bundler made of the file's content: it can be kept for ever.
_HASHED = re.compile(r".+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, its media type, and whether its name changes with its content."""

    path: Path
    kind: str
    lasting: bool
    tag: str


class Pages:
    """Every file of the built page by its address."""

    def __init__(self, folder: Path = PAGE) -> None:
        self._files: dict[str, PageFile] = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                address = "/" + path.relative_to(folder).as_posix()
                kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                lasting = address.startswith("/assets/") and _HASHED.fullmatch(path.name) is not None
                tag = hashlib.sha256(path.read_bytes()).hexdigest()[:24]
                self._files[address] = PageFile(path, kind, lasting, f'"{tag}"')

    def index(self, request: Request) -> Response:
        """The page itself. Refused: a source checkout where it was not built."""
        if "/index.html" not in self._files:
            raise Refused(
                "PAGE-MISSING", "the page is not built", "Install hepaflow again, or run python frontend/build.py", status=503
            )
        return self.file("/index.html", request)

    def file(self, address: str, request: Request) -> Response:
        """A file of the page. Refused: any other address."""
        found = self._files.get(address)
        if found is None:
            raise NotThere("NOT-FOUND", "there is nothing at this address", "Use the page of this server")
        headers = {"etag": found.tag, "cache-control": "public, max-age=31536000, immutable" if found.lasting else "no-cache"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return FileResponse(found.path, media_type=found.kind, headers=headers)
