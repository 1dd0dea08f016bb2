"""Builds the operator's API, and the console at a queue, from settings and from the running parts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from uuid import uuid4

from aiohttp import web

from adapter.console.admin_console import AdminConsole
from adapter.console.api import Api, OperationGroup
from adapter.console.api_auth import ApiAuth, RateLimits
from adapter.console.audit import Audit
from adapter.console.console import Events, QueueConsole
from adapter.console.cross_origin import request_scheme
from adapter.console.dead_api import DeadApi
from adapter.console.detail import Private
from adapter.console.editing import EditPolicy, is_loopback
from adapter.console.events_api import EventsApi
from adapter.console.health import Health
from adapter.console.mapping_api import MappingApi
from adapter.console.requests import Requests
from adapter.console.revalidate import revalidate
from adapter.console.sandbox_api import SandboxApi, SandboxCalls
from adapter.console.serialize import PauseText
from adapter.console.series_api import SeriesApi
from adapter.console.service_api import ServiceApi, ServiceDeps
from adapter.console.session import LazySessionKey
from adapter.console.session_api import SESSION_LIMITS, SessionDeps, Sessions
from adapter.console.sources_api import SourcesApi, SourcesDeps
from adapter.console.stream import StreamApi
from adapter.console.stream_hub import WATCHED, StreamDeps, StreamHub, StreamLimits
from adapter.console.web import page_routes
from adapter.errors import QueueError
from adapter.http.client_address import client
from adapter.http.json_api import nothing_else
from adapter.ingest.intake import IngestDeps
from adapter.ingest.sources import Source
from adapter.ingest.validate import Validator
from adapter.model import Event, JsonObject, Rejection, Secret
from adapter.observe.console_telemetry import KeyShown
from adapter.privacy.storage import is_withheld, mark_of, plain_source, same_ids
from adapter.queue.address import is_shared, outlives_process
from adapter.queue.admin import QueueAdmin
from adapter.queue.backends import open_admin
from adapter.queue.contract import Archive
from adapter.queue.records import Retention
from adapter.queue.replicas import Replica
from adapter.service import settings_view
from adapter.service.cpu_share import CpuShare
from adapter.service.mapping_files import MappingFiles
from adapter.service.mappings import Active, source_mappings
from adapter.service.sources_view import SourcesView
from adapter.settings.settings import Settings
from adapter.version import VERSION
from adapter.wire.instants import instant_text

USUAL = RateLimits()
USUAL_STREAM = StreamLimits()


def retention_of(settings: Settings) -> Retention:
    """The retentions in the settings."""
    kept = settings.retention
    return Retention(history_s=kept.history_s, dead_s=kept.dead_s, dedup_s=kept.dedup_s, deletions_s=kept.deletions_s)


def admin_console(
    admin: QueueAdmin,
    settings: Settings,
    *,
    validator: Callable[[], Validator],
    go_on: Callable[[], None] = lambda: None,
    pause_text: PauseText = lambda _: None,
) -> AdminConsole:
    """The console at `admin`; `validator` is called only when a rejection is read again. Without `pause_text` the
    console does not know whether delivery is paused, because the queue does not say.
    """

    sources = {source.name: plain_source(source) for source in settings.sources}

    def read(rejection: Rejection) -> Event | Rejection:
        return revalidate(
            rejection,
            validator=validator(),
            max_message_bytes=settings.limits.message_bytes,
            new_id=lambda: uuid4().hex,
            is_withheld=is_withheld,
            source_of=lambda name: sources.get(name, Source(name, ())),
        )

    private = Private(
        same_ids=partial(same_ids, settings=settings),
        mark_of=partial(mark_of, hash_key=settings.hash_key),
        is_withheld=is_withheld,
    )
    return AdminConsole(
        admin,
        mappings=source_mappings(settings),
        private=private,
        read=read,
        go_on=go_on,
        pause_text=pause_text,
        retention=retention_of(settings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorDeps:
    """What a running service serves operators from.

    `pause_texts` returns, by source, why delivery is paused now, "" where it is not. Bodies are read as `ingest` does,
    and long work stops when ingest stops. `sandbox` is the running stand-in for Browsee, if there is one; `archive`
    stores the history of mappings; `replicas` is that of the queue.
    """

    ingest: IngestDeps
    active: Active
    health: Health
    pause_texts: Callable[[], Mapping[str, str]]
    archive: Archive
    replicas: Callable[[], Sequence[Replica]] = lambda: ()
    api_limits: RateLimits = USUAL
    session_limits: RateLimits = SESSION_LIMITS
    stream_limits: StreamLimits = USUAL_STREAM
    sandbox: SandboxCalls | None = None


def has_console(settings: Settings) -> bool:
    """Whether the console's page is served."""
    return settings.admin_token is not None and settings.console is not None


def operator_routes(settings: Settings, deps: OperatorDeps) -> list[web.RouteDef]:
    """The API, for the admin token, and the console: its page, its sessions, and the API for a session."""
    ingest, health, active = deps.ingest, deps.health, deps.active

    def open_console() -> AbstractContextManager[QueueConsole]:
        # Read on the event loop, where delivery's state changes; the console is used in a thread.
        return console_of(settings, ingest=ingest, pause_text=deps.pause_texts().get)

    auth = ApiAuth(
        settings.admin_token, often=deps.api_limits, monotonic_s=monotonic, trusted_proxies=settings.trusted_proxies
    )
    requests = Requests(open_console, ingest.limits)
    service_deps = ServiceDeps(
        summary=partial(health.summary, details=True),
        mappings=partial(_mappings, active),
        ruleset_of=active.of,
        sources={source.name: plain_source(source) for source in settings.sources},
        validator=ingest.validator,
        limits=ingest.limits,
        new_id=ingest.new_id,
    )
    service = ServiceApi(service_deps, requests)
    audit = Audit(ingest.emit, settings.trusted_proxies)
    hub = _stream_hub(requests, service, deps)
    groups: list[OperationGroup] = [service, EventsApi(requests)]
    groups.append(DeadApi(requests, audit, note_requeued=hub.note_requeued))
    groups.append(StreamApi(hub, is_draining=ingest.is_draining, monotonic_s=monotonic))
    groups += [SeriesApi(requests, time), SandboxApi(deps.sandbox, requests)]
    groups.append(_sources_api(settings, requests, deps, auth))
    files = MappingFiles(settings, active, deps.archive, replicas=deps.replicas)
    groups.append(MappingApi(files, requests, settings.trusted_proxies, policy=edit_policy(settings), audit=audit))
    api = Api(groups)
    routes = [*api.routes("/api", auth.refusal), nothing_else("/api", has_console=has_console(settings))]
    if settings.admin_token is None or not has_console(settings):
        return routes
    sessions = _sessions(settings, settings.admin_token, requests, deps, auth)
    return [
        *routes,
        *page_routes(),
        *sessions.routes(),
        *api.routes("/console/api", sessions.refusal),
        nothing_else("/console", has_console=True),
    ]


def _sessions(settings: Settings, token: Secret, requests: Requests, deps: OperatorDeps, auth: ApiAuth) -> Sessions:
    return Sessions(
        SessionDeps(
            key=LazySessionKey(token),
            auth=auth,
            requests=requests,
            limits=deps.session_limits,
            trusted_proxies=settings.trusted_proxies,
            now_s=time,
            monotonic_s=monotonic,
            emit=deps.ingest.emit,
            public={"sandbox": settings.sandbox},
            facts=lambda request: {
                "version": VERSION,
                "memoryQueue": not outlives_process(settings.queue),
                **_edit_facts(edit_policy(settings), request_scheme(request, settings.trusted_proxies)),
            },
        )
    )


def _sources_api(settings: Settings, requests: Requests, deps: OperatorDeps, auth: ApiAuth) -> SourcesApi:
    ingest = deps.ingest
    view = SourcesView(settings, denials=ingest.denials, uses=ingest.key_uses, clock=ingest.clock)

    def shown(request: web.Request, *, source: str, key: str) -> None:
        address = client(request, settings.trusted_proxies) or ""
        ingest.emit(KeyShown(address=address, source=source, fingerprint=key))

    return SourcesApi(
        SourcesDeps(
            sources=view.as_json,
            has_own_address=settings.admin_listen is not None,
            settings=lambda: settings_view.as_json(settings, VERSION),
            key=view.key,
            refuse_token=auth.refuse_token,
            shown=shown,
        ),
        requests,
    )


def _stream_hub(requests: Requests, service: ServiceApi, deps: OperatorDeps) -> StreamHub:
    async def pending() -> list[str]:
        wanted = Events(outcome=("pending",), limit=WATCHED)
        page = await requests.ask(lambda console: console.events(wanted))
        return [entry["id"] for entry in reversed(page["entries"])]

    source = StreamDeps(
        tail=lambda after, watch: requests.ask(lambda console: console.tail(after, watch)),
        pending=pending,
        summary=service.now,
        mappings=service.active_mappings,
        monotonic_s=monotonic,
    )
    return StreamHub(source, deps.stream_limits)


def edit_policy(settings: Settings) -> EditPolicy:
    """Whether mappings may be changed over HTTP; without a console as with `edit: off`."""
    is_public = not (settings.sandbox or settings.admin_listen is not None or is_loopback(settings.listen.host))
    return EditPolicy(
        setting="off" if settings.console is None else settings.console.edit,
        has_replicas=is_shared(settings.queue),
        is_public=is_public,
    )


def _edit_facts(policy: EditPolicy, scheme: str) -> JsonObject:
    why_not = policy.why_not(scheme=scheme)
    return {"edit": why_not is None, "whyNotEdit": why_not}


@contextmanager
def console_of(settings: Settings, *, ingest: IngestDeps, pause_text: PauseText) -> Iterator[QueueConsole]:
    """The console at the queue of the running service, for one thread. Raises QueueError."""

    share = CpuShare()

    def go_on() -> None:
        if ingest.is_draining():
            raise QueueError("the service is stopping; part of the work is done, send the request again for the rest")
        share()

    with open_admin(settings.queue, unordered=settings.unordered) as admin:
        yield admin_console(admin, settings, validator=lambda: ingest.validator, go_on=go_on, pause_text=pause_text)


def _mappings(active: Active) -> list[JsonObject]:
    return [
        {
            "source": source,
            "file": mapping.name,
            "version": mapping.ruleset.version,
            "since": instant_text(mapping.activated_at),
            "by": mapping.activated_by,
            "loadedAt": instant_text(mapping.loaded_at),
            "problem": mapping.problem or None,
        }
        for source, mapping in active.live.items()
    ]
