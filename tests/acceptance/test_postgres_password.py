"""The password in the address of a PostgreSQL queue: known to a running service, and shown by none of its parts."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import psycopg
import pytest

from tests.acceptance.processes import OPERATOR, start
from tests.fakes import until
from tests.postgres import Server

PASSWORD = "S3CRET-of-the-database"
PAGES = [
    "/readyz",
    "/metrics",
    "/healthz",
    "/api/settings",
    "/api/summary",
    "/api/sources",
    "/console/",
    "/openapi.yaml",
]
SETTINGS = """\
{queue}admin_token: token-of-the-operator
state_dir: "{folder}"
sources:
  shop: {{keys: [key-of-shop-to-test], mapping: shop.yaml, browsee_api_key: browsee-key}}
"""
MAPPING = "version: 1\nrules:\n  - {when: {type: track}, track: DONE}\n"


@pytest.mark.parametrize("origin", ["file", "environment"])
async def test_the_password_is_shown_nowhere(tmp_path: Path, postgres: Server, origin: str) -> None:
    """In no log, page, metric, list of processes or of connections, also while the database is in trouble."""
    schema = f"password_{origin}"
    url = f"postgresql://postgres:{PASSWORD}@/postgres?host={postgres.folder}&schema={schema}&password={PASSWORD}"
    environ = {"ADAPTER_QUEUE": url} if origin == "environment" else {}
    (tmp_path / "shop.yaml").write_text(MAPPING)
    config = tmp_path / "adapter.yaml"
    config.write_text(SETTINGS.format(queue="" if environ else f'queue: "{url}"\n', folder=tmp_path))
    arguments = ["serve", "--config", str(config), "--host", "127.0.0.1", "--port", "0"]
    served = await start(arguments, log=tmp_path / "log", environ={**environ, "ADAPTER_LOG_LEVEL": "debug"})
    with psycopg.connect(postgres.conninfo, autocommit=True) as connection:
        shown = connection.execute(
            "SELECT row_to_json(a)::text, pg_terminate_backend(pid) FROM pg_stat_activity AS a "
            "WHERE application_name = 'browsee-adapter'"
        ).fetchall()
        found = "".join(text for text, _ in shown)
        assert len(shown) >= 3
    async with aiohttp.ClientSession(headers=OPERATOR) as http:

        async def is_back() -> bool:
            async with http.get(f"{served.url}/readyz") as answer:
                return answer.status == 200

        await until(is_back)
        for page in PAGES:
            async with http.get(f"{served.url}{page}") as answer:
                assert answer.status == 200, page
                found += await answer.text()
    found += Path(f"/proc/{served.process.pid}/cmdline").read_text()
    found += await doctor(config, environ)
    assert await served.stop() == 0
    found += (tmp_path / "log").read_text()
    wrong = url.replace("/postgres?", "/no-such-database?")
    config.write_text(SETTINGS.format(queue=f'queue: "{wrong}"\n', folder=tmp_path))
    found += await doctor(config, {})
    assert "@/postgres" in found
    assert "no-such-database" in found
    assert "S3CRET" not in found


async def doctor(config: Path, environ: Mapping[str, str]) -> str:
    """What it says."""
    command = [sys.executable, "-m", "adapter", "doctor", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(
        *command, env={"PATH": "/usr/bin", **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return said.decode()
