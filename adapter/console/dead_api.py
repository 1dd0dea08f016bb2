"""The operations about dead letters and rejections (pages, causes, export, requeue, discard), and erasing a user."""

from collections.abc import Callable, Sequence

from aiohttp import web

from adapter.console import params
from adapter.console.audit import Audit
from adapter.console.requests import Requests, query
from adapter.http.json_api import Operations, error_response, json_response
from adapter.observe.console_telemetry import DeadLettersDiscarded, EventsRequeued, UserErased


class DeadApi:
    """See the module."""

    def __init__(self, requests: Requests, audit: Audit, *, note_requeued: Callable[[Sequence[str]], None]) -> None:
        self._requests = requests
        self._audit = audit
        self._note_requeued = note_requeued

    def operations(self) -> Operations:
        """By path below the API's own."""
        return {
            "/dead": {"GET": self.dead},
            "/dead/causes": {"GET": self.causes},
            "/dead/export": {"GET": self.export},
            "/dead/requeue": {"POST": self.requeue},
            "/dead/discard": {"POST": self.discard},
            "/purge": {"POST": self.purge},
        }

    async def dead(self, request: web.Request) -> web.StreamResponse:
        """A page of dead letters and rejections, oldest first."""
        given = params.of_cause(query(request), limit=params.limit, after=params.cursor)
        return json_response(await self._requests.ask(lambda console: console.dead(**given)))

    async def causes(self, request: web.Request) -> web.StreamResponse:
        """Their causes, most frequent first."""
        limit = params.read(query(request), {"limit": params.limit}).get("limit", 100)
        return json_response(await self._requests.ask(lambda console: console.causes(limit=limit)))

    async def export(self, request: web.Request) -> web.StreamResponse:
        """The dead letters and rejections as a stream of lines, read as fast as the client reads."""
        given = params.of_cause(query(request))
        return await self._requests.lines(request, lambda console: console.export(**given))

    async def requeue(self, request: web.Request) -> web.StreamResponse:
        """Make them pending again."""
        body = await self._requests.change(request)
        preview = params.preview(body)
        which, dry_run = params.which(body, unmatched=True)
        if preview and not dry_run:
            raise params.BadRequest("preview: only with dryRun, which changes nothing")
        result = await self._requests.ask(lambda console: console.requeue(which, dry_run=dry_run, preview=preview))
        if not dry_run:
            self._note_requeued(which.ids)
            self._audit.changed(request, EventsRequeued, result)
        return json_response(result)

    async def discard(self, request: web.Request) -> web.StreamResponse:
        """Delete them for good."""
        body = await self._requests.change(request)
        count = params.count(body)
        which, dry_run = params.which(body, unmatched=False)
        result = await self._requests.ask(lambda console: console.discard(which, dry_run=dry_run, count=count))
        chosen = sum(result["chosen"].values())
        if not dry_run and count not in (None, chosen):
            text = f"nothing was discarded: {count} were counted, and now there are {chosen}"
            return error_response(409, "count_changed", text, chosen=result["chosen"])
        if not dry_run:
            self._audit.changed(request, DeadLettersDiscarded, result)
        return json_response(result)

    async def purge(self, request: web.Request) -> web.StreamResponse:
        """Erase a user's data."""
        user, dry_run = params.user(await self._requests.change(request))
        result = await self._requests.ask(lambda console: console.purge(user, dry_run=dry_run))
        if not dry_run:
            self._audit.changed(request, UserErased, result)
        return json_response(result)
