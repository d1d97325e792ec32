"""Run a coordinator as a process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os

from collegium import logs
from collegium.coordinator.app import create_app
from collegium.db.connect import database_at
from collegium.db.migrate import migrate
from collegium.db.work import timestamp, utc_clock
from collegium.fleet.engines import check_engine
from collegium.keys.repository import has_operator_key
from collegium.rest.server import Server, Tls, address_of, bind
from collegium.settings import CoordinatorSettings
from collegium.tracing.export import exporting

_COLLECTIONS = (20_000, 20, 20)
"""A page of fifty rows makes a thousand objects, all of which end with the request."""

_log = logging.getLogger(__name__)


def run(settings: CoordinatorSettings) -> None:
    """Serve until told to stop.

    Raises
    ------
    Misconfigured
        When a setting makes a start impossible.
    """
    logs.set_up(settings.log_level, settings.log_format)
    with exporting("collegium-coordinator", os.environ):
        _serve(settings)


def _serve(settings: CoordinatorSettings) -> None:
    settings.refuse_exposure(lambda: has_key(settings))
    check_engine(settings)
    tls = Tls.named(settings.tls_cert, settings.tls_key, settings.tls_ca)
    sock = bind(settings.host, settings.port)
    address = settings.url or address_of(sock, is_tls=tls is not None)
    app = create_app(settings, address)
    gc.set_threshold(*_COLLECTIONS)
    gc.collect()
    gc.freeze()  # all this stays; looking through it would stop requests for 0.1 s
    _log.info("the coordinator listens at %s", address)

    async def before_end() -> None:
        # Streams of events end only when told to.
        app.state.jobs.feed.close()
        if app.state.upward is not None:
            await app.state.upward.drain()

    Server(app, sock, tls=tls, before_end=before_end).run()


def has_key(settings: CoordinatorSettings) -> bool:
    """Tell whether the database has a key of an operator."""
    return asyncio.run(_has_operator_key(settings))


async def _has_operator_key(settings: CoordinatorSettings) -> bool:
    database = database_at(settings.database)
    await database.open()
    try:
        await migrate(database)
        return await has_operator_key(database, timestamp(utc_clock()))
    finally:
        await database.close()
