"""`/openapi.yaml` is the truth about the running service: its paths, its statuses, its bodies."""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from adapter.model import Dead, Delivered, JsonObject, Reason
from adapter.observe.observer import Observer
from adapter.service.wiring import DEFAULT_WIRING, build_service
from adapter.version import VERSION
from tests.openapi import description, shaped
from tests.operated import TOKEN, service, settings_in
from tests.unit.cli.conftest import MAPPING
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

# The key of the source is the admin token too, so that one header opens every path.
SETTINGS = (
    f"queue: sqlite:///queue.db\nsources:\n  shop: {{keys: [{TOKEN}], mapping: shop.yaml, browsee_api_key: key}}\n"
)
EXAMPLES = os.environ.get("OPENAPI_EXAMPLES", "")
"""`make openapi` sets it: how many generated requests each operation gets, beside those at its schema's edges."""
SHORT = ("--phases", "examples,coverage", "--exclude-method", "PUT", "--exclude-method", "PATCH")
LONG = ("--max-examples", EXAMPLES)
PARTS = [list(description()["paths"])[first::4] for first in range(4)]
"""All paths in four runs: one takes minutes on a busy machine. The long form is one run, because it follows links."""

METHODS = ("get", "post", "put", "patch", "delete", "options")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    return tmp_path


def operations() -> Iterator[tuple[str, str, JsonObject]]:
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def spelt(path: str, parameters: list[JsonObject]) -> Iterator[str]:
    """`path` with every value of a parameter that has a list of them; the names of the others are no matter."""
    choices = {p["name"]: p["schema"]["enum"] for p in parameters if "enum" in p.get("schema", {})}
    parts = [choices.get(part[1:-1], ["{}"]) if part.startswith("{") else [part] for part in path.split("/")]
    yield from ("/".join(words) for words in itertools.product(*parts))


async def test_every_route_is_described_and_every_description_is_a_route(folder: Path) -> None:
    """Method by method; a slash at the end, and HEAD, are reported in words."""
    settings = settings_in(folder, sandbox=True)
    async with AsyncExitStack() as stack:
        parts = await build_service(stack, settings, observer=Observer(), strict=True, wiring=DEFAULT_WIRING)
    served = {
        (re.sub(r"\{\w+\}", "{}", route.resource.canonical).rstrip("/"), route.method.lower())
        for route in parts.senders.router.routes()
        if route.resource is not None and route.method not in ("*", "HEAD")
    }
    for_sessions = {(path, method) for path, method in served if path.startswith("/console/api/")}
    page = {("/console", "get"), ("/console/assets/{}/{}", "get")}
    routes = served - for_sessions - page
    described = {
        (path, method)
        for template, method, _ in operations()
        for path in spelt(template, description()["paths"][template].get("parameters", []))
    }
    assert described == routes
    # Sessions of the console have exactly the operations of the token.
    operating = {
        (template, method) for template, method, operation in operations() if operation["tags"] == ["operating"]
    }
    assert for_sessions == {(f"/console{path}", method) for path, method in operating if path.startswith("/api/")}


def resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = description()
        for word in node["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        node = found
    return node


@pytest.mark.parametrize("path", description()["paths"])
def test_every_example_is_of_its_schema(path: str) -> None:
    """What is shown to people is what there is."""
    for template, _, operation in operations():
        if template != path:
            continue
        bodies = [resolved(answer) for answer in operation["responses"].values()]
        bodies.append(resolved(operation.get("requestBody", {})))
        for body in bodies:
            for media in body.get("content", {}).values():
                reference = media.get("schema", {}).get("$ref", "")
                if "example" in media and reference:
                    shaped(media["example"], reference.rpartition("/")[2])


def test_it_is_the_description_of_this_version() -> None:
    """And every operation has a summary and a name of its own, but for browsers' questions."""
    assert description()["info"]["version"] == VERSION
    assert [path for path, _, operation in operations() if not operation.get("summary")] == []
    names = [operation.get("operationId") for _, method, operation in operations() if method != "options"]
    assert len(set(names)) == len(names)
    assert None not in names


async def fill_queue(folder: Path) -> None:
    dead = [Ended(an_order(f"m-{n}"), Dead(Reason.REFUSED, "no such project")) for n in range(3)]
    await fill(folder / "sandbox.db", [Ended(an_order("done"), Delivered()), *dead], [a_rejection()])


async def test_what_is_served_is_what_is_written(folder: Path) -> None:
    """Without what only some readers of YAML understand."""
    with (
        service(settings_in(folder, sandbox=True)) as url,
        urlopen(f"{url}/openapi.yaml", timeout=20) as answer,  # noqa: ASYNC210 - the service is in another thread
    ):
        text = answer.read().decode()
    assert answer.headers["Content-Type"] == "application/yaml"
    assert "<<:" not in text
    assert yaml.safe_load(text) == description()


@pytest.mark.parametrize("part", [[]] if EXAMPLES else PARTS)
async def test_the_running_service_answers_as_described(folder: Path, part: Sequence[str]) -> None:
    """Whatever is asked, and however wrong: no fault of ours, no status, type, header or body that is not described."""
    await fill_queue(folder)
    paths = [word for path in part for word in ("--include-path", path)]
    with service(settings_in(folder, sandbox=True)) as url:
        run_schemathesis(url, folder, *paths, *LONG if EXAMPLES else SHORT)


def run_schemathesis(url: str, folder: Path, *options: str) -> None:
    """Fails with what it found."""
    tool = Path(sys.executable).with_name("schemathesis")
    config = Path(__file__).with_name("schemathesis.toml")
    found = subprocess.run(
        [
            *(tool, "--config-file", config, "run", f"{url}/openapi.yaml", "--seed", "1"),
            *("--header", f"Authorization: Bearer {TOKEN}", *options),
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("schemathesis_hooks.py"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-2000:]
