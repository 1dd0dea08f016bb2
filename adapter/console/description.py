"""`/openapi.yaml`: the description of every path, as shipped with the adapter."""

import asyncio
from functools import cache
from pathlib import Path

import yaml
from aiohttp import web

from adapter.http.json_api import resource_routes


class _Plain(yaml.SafeDumper):
    """Writes out YAML anchors: not every reader of YAML knows how to merge."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def description_routes(file: Path) -> list[web.RouteDef]:
    """The route of the description in `file`, which is read at the first request."""

    @cache
    def text() -> bytes:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        return yaml.dump(found, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=120).encode()

    async def openapi(_: web.Request) -> web.StreamResponse:
        return web.Response(body=await asyncio.to_thread(text), headers={"Content-Type": "application/yaml"})

    return resource_routes("/openapi.yaml", {"GET": openapi})
