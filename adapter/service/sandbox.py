"""The built-in stand-in for Browsee, as the console shows and changes it."""

from adapter.console.sandbox_api import SandboxChange, WantedCalls
from adapter.model import JsonObject
from adapter.sandbox.limit import CallLimit
from adapter.sandbox.recording import Wanted
from adapter.sandbox.script import Script, parse_script
from adapter.sandbox.server import Sandbox
from adapter.service.operators import has_console
from adapter.settings.settings import Settings


class RunningSandbox:
    """The console's view of `sandbox`, which runs beside it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def calls(self, wanted: WantedCalls) -> list[JsonObject]:
        """See SandboxCalls."""
        read = Wanted(before=wanted.before, limit=wanted.limit, user=wanted.user, event=wanted.event, newest_first=True)
        found = [call.as_json() for call in await self._sandbox.recording.read(read)]
        return [{"id": str(call.pop("number")), **call, "status": call["status"] or None} for call in found]

    def state(self) -> JsonObject:
        """See SandboxCalls."""
        summary = self._sandbox.recording.summary()
        limit = self._sandbox.limit
        return {
            "calls": summary["calls"],
            "statuses": summary["statuses"],
            "limit": None if limit is None else limit.text,
            "script": self._sandbox.script.text,
        }

    async def change(self, wanted: SandboxChange) -> None:
        """See SandboxCalls."""
        limit = CallLimit.parse(wanted.limit) if wanted.limit else None
        script = Script() if wanted.script is None else parse_script(wanted.script or "[]", file="script")
        if wanted.limit is not None:
            self._sandbox.set_limit(limit)
        if wanted.script is not None:
            self._sandbox.script = script
        if wanted.clear:
            await self._sandbox.recording.clear()


def console_url(settings: Settings) -> str:
    """Where a browser of this machine finds the console; "" if there is none or the system chooses its port."""
    address = settings.admin_listen or settings.listen
    if not has_console(settings) or not address.port:
        return ""
    host = "127.0.0.1" if address.host in ("0.0.0.0", "::") else address.host  # noqa: S104 - read, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{address.port}/console/"


def stand_in_port(settings: Settings) -> int:
    """The port of the stand-in: the one after `listen`, or the next if `admin_listen` has that; 0 if the system
    chooses.
    """
    port, admin = settings.listen.port, settings.admin_listen
    if not port:
        return 0
    return port + 2 if admin is not None and admin.port == port + 1 else port + 1
