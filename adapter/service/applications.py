"""Builds the HTTP applications for senders and operators, in front of the parts of the service."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import uuid4

import orjson
from aiohttp import web

from adapter.bundled import bundled
from adapter.console.access import IsOperator, operator_check
from adapter.console.api_auth import RateLimits
from adapter.console.description import description_routes
from adapter.console.health import Health
from adapter.console.sandbox_api import SandboxCalls
from adapter.http.json_api import nothing_else
from adapter.ingest.intake import IngestDeps
from adapter.ingest.limits import RequestLimits
from adapter.ingest.routes import routes
from adapter.ingest.validate import Validator
from adapter.observe.observer import Observer
from adapter.privacy.storage import ingest_source
from adapter.queue.contract import Inbox
from adapter.service.operators import OperatorDeps, has_console, operator_routes
from adapter.service.readiness import Observed, Readiness
from adapter.service.report import pause_texts


def event_validator() -> Validator:
    """The shipped schemas of events, compiled."""
    folder = bundled("schemas/event")
    return Validator({path.stem: orjson.loads(path.read_bytes()) for path in folder.glob("*.json")})


def make_ingest(
    observed: Observed, *, inbox: Inbox, received_at: Callable[[], datetime], observer: Observer
) -> IngestDeps:
    """The dependencies of ingest; `received_at` returns the instant of receipt."""
    settings, limits = observed.settings, observed.settings.limits
    sources = [
        ingest_source(source, settings.hash_key, ruleset=partial(observed.active.of, source.name))
        for source in settings.sources
    ]
    return IngestDeps(
        inbox=inbox,
        sources=sources,
        validator=event_validator(),
        emit=observer.emit,
        clock=received_at,
        monotonic_s=time.monotonic,
        new_id=lambda: uuid4().hex,
        histogram=observer.histogram,
        is_draining=observed.draining.is_set,
        takes_messages=settings.role != "deliver",
        has_console=settings.admin_listen is None and has_console(settings),
        refusals=observed.refusals,
        denials=observed.denials,
        limits=RequestLimits(
            body_bytes=limits.body_bytes, inflated_bytes=limits.inflated_bytes, message_bytes=limits.message_bytes
        ),
        trusted_proxies=settings.trusted_proxies,
    )


def make_applications(
    observed: Observed,
    ingest: IngestDeps,
    readiness: Readiness,
    *,
    observer: Observer,
    rate_limits: RateLimits,
    sandbox: SandboxCalls | None,
) -> tuple[web.Application, web.Application]:
    """The applications of senders and of operators: one unless operators have their own address."""
    settings = observed.settings

    def health_for(is_operator: IsOperator) -> Health:
        return Health(
            inbox=observed.queue, report=readiness.report, registry=observer.registry, is_operator=is_operator
        )

    senders = operators = web.Application()
    senders.add_routes(routes(ingest))
    description = description_routes(bundled("schemas/openapi.yaml"))
    senders.add_routes(description)
    if settings.admin_listen is not None:
        senders.add_routes(health_for(lambda _: False).probes())
        operators = web.Application()
        operators.add_routes(description)
    health = health_for(
        operator_check(
            settings.admin_token,
            is_local_trusted=settings.admin_listen is not None,
            trusted_proxies=settings.trusted_proxies,
        )
    )
    operators.add_routes(health.routes())
    deps = OperatorDeps(
        ingest=ingest,
        active=observed.active,
        health=health,
        archive=observed.queue,
        replicas=observed.queue.replicas,
        pause_texts=lambda: pause_texts(readiness.projects()),
        api_limits=rate_limits,
        sandbox=sandbox,
    )
    operators.add_routes(operator_routes(settings, deps))
    if settings.admin_listen is not None:
        operators.add_routes([nothing_else("", has_console=has_console(settings))])
    return senders, operators
