"""`browsee-adapter doctor`: checks whether the service would work here. Each part is tried once; no event is sent."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

import aiohttp
import click
import orjson
from rich.text import Text

from adapter.cli.at_queue import settings_of, waiting_deletions
from adapter.cli.check import check_file, own_files
from adapter.cli.reading import text_of
from adapter.cli.show import show, show_json
from adapter.cli.unreachable import unreachable_text
from adapter.errors import ConfigError
from adapter.queue.backends import check
from adapter.service.mappings import live_loader
from adapter.service.operators import edit_policy
from adapter.settings.environment import CONFIG_VARIABLE
from adapter.settings.generated_secrets import require_usable
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings

_BROWSEE_S = 10.0
_MOST_READ_BYTES = 65_536

DoctorPart: TypeAlias = Literal["settings", "mapping", "console", "queue", "deletions", "browsee"]


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """What was checked, and the result; `todo` says what to do about it, "" if nothing."""

    part: DoctorPart
    ok: bool
    found: str
    todo: str = ""


@click.command()
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file (else ./adapter.yaml).")
@click.option("--sandbox", is_flag=True, help="For `serve --sandbox`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(config: Path | None, sandbox: bool, as_json: bool) -> None:
    """Check whether the service would work here.

    Reads the settings, loads the mappings, writes to the queue and syncs it, and calls Browsee with an empty object
    without a key, which no project can take for an event. The documented answer to it shows that address, network and
    certificate are right. Only a real call shows whether your key is right. Exits with status 1 if there is a problem;
    the other checks run all the same.

    \b
    Example:
      browsee-adapter doctor --config adapter.yaml
    """
    checks = []
    for tried in _checks(config, sandbox=sandbox):
        checks.append(tried)
        _print(tried, as_json=as_json)
    if not all(tried.ok for tried in checks):
        raise SystemExit(1)


def _checks(config: Path | None, *, sandbox: bool) -> Iterator[DoctorCheck]:
    try:
        settings = load_settings(file=config, environ=os.environ, sandbox=sandbox)
    except ConfigError as error:
        yield DoctorCheck("settings", False, str(error), "fix them; checks that do not need them run all the same")
        yield from _despite(config, sandbox=sandbox)
        return
    yield from _of(settings, sandbox=sandbox)


def _despite(config: Path | None, *, sandbox: bool) -> Iterator[DoctorCheck]:
    """What can be checked although the settings are refused: everything, if only a key of Browsee is missing."""
    try:
        settings = settings_of(config, sandbox=sandbox)
    except ConfigError:
        for file in _mapping_files(config):
            problems = [finding for finding in check_file(file, environ=os.environ).findings if finding.blocks]
            todo = f"for all findings: browsee-adapter check {file}" if problems else ""
            found = f"{file}: {problems[0].headline if problems else 'no problem'}"
            yield DoctorCheck("mapping", not problems, found, todo)
        return
    yield from islice(_of(settings, sandbox=sandbox), 1, None)


def _mapping_files(config: Path | None) -> Iterator[Path]:
    """The mapping files that the settings name, as far as they can be read."""
    environ = os.environ if config is None else {**os.environ, CONFIG_VARIABLE: str(config)}
    with suppress(ConfigError, click.UsageError):
        yield from islice(own_files(environ), 1, None)


def _of(settings: Settings, *, sandbox: bool) -> Iterator[DoctorCheck]:
    names = ", ".join(source.name for source in settings.sources)
    yield DoctorCheck(
        "settings", True, f"{settings.file or 'from the environment'}; sources: {names}", "; ".join(settings.notes)
    )
    yield from _mappings(settings)
    yield from _console(settings)
    queue = _queue(settings)
    yield queue
    if queue.ok:
        yield from (DoctorCheck("deletions", True, waiting) for waiting in waiting_deletions(settings))
    yield asyncio.run(_browsee(settings.browsee.url)) if not sandbox else _NO_BROWSEE


_NO_BROWSEE = DoctorCheck("browsee", True, "SANDBOX: the built-in stand-in takes the calls")


def _mappings(settings: Settings) -> Iterator[DoctorCheck]:
    for source in settings.sources:
        try:
            ruleset = live_loader(settings, source)(text_of(source.mapping))
        except ConfigError as error:
            todo = f"for all findings: browsee-adapter check {source.mapping}"
            yield DoctorCheck("mapping", False, f"of {source.name}: {error}", todo)
        else:
            rules = "1 rule" if len(ruleset.rules) == 1 else f"{len(ruleset.rules)} rules"
            yield DoctorCheck(
                "mapping", True, f"of {source.name}: {source.mapping}, {rules}, version {ruleset.version}"
            )


def _console(settings: Settings) -> Iterator[DoctorCheck]:
    """Checks with a notable result only."""
    if settings.console is None or settings.console.edit == "off":
        return
    policy = edit_policy(settings)
    if policy.is_public:
        found = f"operators are served at {settings.listen.host}:{settings.listen.port}, where senders are"
        yield DoctorCheck("console", True, found, "set admin_listen, or see that /console/ is reachable only by HTTPS")


def _queue(settings: Settings) -> DoctorCheck:
    tried = check(settings.queue)
    if tried.ok:
        try:
            require_usable(settings)
        except ConfigError as error:
            return DoctorCheck("queue", False, str(error), "look at the rights of the user who runs the adapter")
    return DoctorCheck("queue", tried.ok, tried.found, tried.todo)


async def _browsee(url: str) -> DoctorCheck:
    start_s = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=_BROWSEE_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(f"{url}/track", json={}, allow_redirects=False) as response,
        ):
            body = await response.content.read(_MOST_READ_BYTES)
    except TimeoutError:
        return DoctorCheck("browsee", False, f"{url}: no answer within {_BROWSEE_S:.0f} s", _NETWORK)
    except (aiohttp.ClientError, OSError, ValueError) as cause:
        return DoctorCheck("browsee", False, f"{url}: {unreachable_text(cause)}", _NETWORK)
    answered = f"{url}: answered {response.status} in {(time.perf_counter() - start_s) * 1000:.0f} ms"
    return doctor_check(answered, response.status, body)


def doctor_check(answered: str, status: int, body: bytes) -> DoctorCheck:
    """What an answer to an empty call means. The documented one is 400 with `{"status": "failure", …}`."""
    if status == 400 and _is_failure(body):
        return DoctorCheck("browsee", True, f"{answered}, as documented for a call without a key")
    if status in _ELSEWHERE or 200 <= status < 400:
        found = f"{answered}, which is not an answer of Browsee's API"
        return DoctorCheck("browsee", False, found, "check browsee.url")
    if status >= 500 or status == 429:
        todo = "nothing to do: events stay pending until it accepts calls again"
        return DoctorCheck("browsee", False, f"{answered}: it accepts no calls now", todo)
    return DoctorCheck("browsee", True, f"{answered}, which is not documented but is an answer")


def _is_failure(body: bytes) -> bool:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and said.get("status") == "failure"


_ELSEWHERE = (404, 405, 410)
_NETWORK = "check browsee.url, and the name service, firewall and proxy of this machine"


def _print(check: DoctorCheck, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(check))
        return
    line = Text(f"{'ok' if check.ok else 'PROBLEM':<8} {check.part:<9} {check.found}")
    line.highlight_regex(r"^ok", "green")
    line.highlight_regex(r"^PROBLEM", "bold red")
    if check.todo:
        # The text may end with a source line and a caret under it.
        apart = "\n         " if "\n" in check.found else " – "
        line.append(f"{apart}{check.todo}", "bold")
    show(line)
