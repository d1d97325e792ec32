"""Run a worker as a process."""

from __future__ import annotations

import logging
import os
from urllib.parse import urlsplit

from collegium import logs
from collegium.errors import CollegiumError, Misconfigured
from collegium.rest.server import Server, Tls, address_of, bind
from collegium.settings import WorkerSettings
from collegium.tracing.export import exporting
from collegium.worker.app import create_app
from collegium.worker.life import Life
from collegium.workloads.registry import load_workloads

_log = logging.getLogger(__name__)


def run(settings: WorkerSettings) -> None:
    """Serve until told to stop.

    Raises
    ------
    Misconfigured
        When a setting makes a start impossible.
    CollegiumError
        When the worker cannot go on: it is outdated, or refused, or has no slots.
    """
    logs.set_up(settings.log_level, settings.log_format)
    with exporting("collegium-worker", os.environ):
        _serve(settings)


def _serve(settings: WorkerSettings) -> None:
    settings.refuse_exposure()
    for address in settings.coordinator:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Misconfigured(f"{address!r} is not the address of a coordinator.")
    sock = bind(settings.host, settings.port)
    tls = Tls.named(settings.tls_cert, settings.tls_key, settings.tls_ca)
    url = settings.url or address_of(sock, is_tls=tls is not None)
    app = create_app(settings, url, load_workloads(settings.workloads))
    fatal: list[CollegiumError] = []

    async def before_end() -> None:
        life: Life = app.state.life
        _log.info("leaving: %g s for what still runs", settings.grace_s)
        await life.drain(settings.grace_s)

    server = Server(app, sock, tls=tls, before_end=before_end)

    def give_up(error: CollegiumError) -> None:
        fatal.append(error)
        server.end()

    app.state.on_fatal = give_up
    _log.info("a worker with %d slots listens at %s", settings.slot_count, url)
    server.run()
    if fatal:
        raise fatal[0]
