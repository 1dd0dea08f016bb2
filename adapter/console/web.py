"""Serves the console's page: `/console/` and its assets, which hold no data and need no session.

The assets' paths contain a digest of all assets, so browsers may cache them for ever, and a page never mixes two
versions. The files are read at the first request.
"""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from aiohttp import hdrs, web

from adapter.http.json_api import API_POLICY, error_response, resource_routes

FOLDER: Final = Path(__file__).with_name("web")
_INDEX: Final = "index.html"
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Types of the files that are served; others in the folder are not."""
PAGE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page_policy(nonce: str) -> str:
    """The content security policy of the page. `nonce` allows the styles that the editor creates."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, uncompressed and compressed."""

    type: str
    plain: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the page. `index` has `{{nonce}}` in place of the page's nonce."""

    digest: str
    index: str
    files: Mapping[str, Path]

    @cache  # noqa: B019 - a process has one of these, and it lives as long
    def asset(self, name: str) -> Asset:
        """The file `name`, which is one of `files`."""
        file = self.files[name]
        plain = file.read_bytes()
        return Asset(_TYPES[file.suffix], plain, gzip.compress(plain, 9, mtime=0))

    def __hash__(self) -> int:
        return hash(self.digest)


@cache
def load_assets(folder: Path = FOLDER) -> Assets:
    """The files of `folder`."""
    files = {
        str(file.relative_to(folder)): file
        for file in sorted(folder.rglob("*"))
        if file.suffix in _TYPES and file.is_file()
    }
    index = (folder / _INDEX).read_text(encoding="utf-8")
    digest = sha256(index.encode())
    for name, file in files.items():
        digest.update(name.encode() + b"\0" + file.read_bytes())
    short = digest.hexdigest()[:16]
    return Assets(short, index.replace("{{digest}}", short), files)


def page_routes(folder: Path = FOLDER) -> list[web.RouteDef]:
    """The page at `/console/`, and its assets."""

    async def redirect(request: web.Request) -> web.StreamResponse:
        # Relative, because a proxy may strip a prefix that the adapter does not know.
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(
            status=308,
            headers={hdrs.LOCATION: f"console/{query}", "Content-Security-Policy": API_POLICY, **PAGE_HEADERS},
        )

    async def page(_: web.Request) -> web.StreamResponse:
        assets = await asyncio.to_thread(load_assets, folder)
        nonce = token_urlsafe(16)
        return web.Response(
            text=assets.index.replace("{{nonce}}", nonce),
            content_type="text/html",
            headers={"Content-Security-Policy": page_policy(nonce), hdrs.CACHE_CONTROL: "no-store", **PAGE_HEADERS},
        )

    async def asset(request: web.Request) -> web.StreamResponse:
        assets = await asyncio.to_thread(load_assets, folder)
        name = request.match_info["name"]
        if request.match_info["digest"] != assets.digest or name not in assets.files:
            return error_response(
                404, "not_found", "this file belongs to another version of the console: reload the page"
            )
        found = await asyncio.to_thread(assets.asset, name)
        is_compressed = "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: found.type,
            hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            "Content-Security-Policy": API_POLICY,
            **PAGE_HEADERS,
        }
        if is_compressed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=found.compressed if is_compressed else found.plain, headers=headers)

    return [
        *resource_routes("/console", {"GET": redirect}),
        *resource_routes("/console/", {"GET": page}),
        *resource_routes("/console/assets/{digest}/{name:.+}", {"GET": asset}),
    ]
