"""``collegium coordinator``: keep the catalogue and give work to the fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from collegium.cli.options import (
    Host,
    LogFormat,
    LogLevel,
    Port,
    TlsCertificate,
    TlsKey,
    settings_from,
)
from collegium.coordinator.server import run
from collegium.settings import CoordinatorSettings


def coordinator(
    host: Host = None,
    port: Port = None,
    database: Annotated[
        str | None,
        typer.Option(help="sqlite:///file.db or postgresql://...", show_default=False),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where caches live that may be deleted.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="http: the fleet; dask: also a cluster; local: only this process."
        ),
    ] = None,
    dask_scheduler: Annotated[
        str | None,
        typer.Option(help="tcp://HOST:PORT of Dask's scheduler.", show_default=False),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="round_robin, weighted, least_outstanding or p2c_ewma."),
    ] = None,
    hedge: Annotated[
        bool | None,
        typer.Option(
            "--hedge/--no-hedge",
            help="Try late short tasks at a second worker, too.",
            show_default=False,
        ),
    ] = None,
    heartbeat: Annotated[
        float | None,
        typer.Option("--heartbeat", help="Seconds between reports of workers."),
    ] = None,
    local_slots: Annotated[
        int | None, typer.Option(help="Tasks at once when there is no worker.")
    ] = None,
    parent: Annotated[
        list[str] | None,
        typer.Option(help="Coordinator to announce this one to.", show_default=False),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="How a parent reaches this coordinator.")
    ] = None,
    auth: Annotated[
        str | None,
        typer.Option(help="required: nobody without a key or token; or off."),
    ] = None,
    api_token: Annotated[
        str | None,
        typer.Option(help="Secret of the clients; better in COLLEGIUM_API_TOKEN."),
    ] = None,
    worker_token: Annotated[
        str | None,
        typer.Option(help="Secret of the fleet; better in COLLEGIUM_WORKER_TOKEN."),
    ] = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="Authorities of clients' certificates.")
    ] = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
) -> None:
    """Serve universities, courses, jobs and the fleet until told to stop.

    Workers announce themselves; without any, work is done in this machine's own
    processes. Bound beyond this machine it does not start without the fleet's token
    and either the API token or ``--auth required`` with an operator's key. Every
    option can also be set in the environment, as COLLEGIUM_ and its name in capitals.
    """
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": database,
        "data_dir": data_dir,
        "engine": engine,
        "dask_scheduler": dask_scheduler,
        "policy": policy,
        "hedge": hedge,
        "heartbeat_s": heartbeat,
        "local_slots": local_slots,
        "parent": tuple(parent) if parent else None,
        "url": url,
        "auth": auth,
        "api_token": _secret(api_token),
        "worker_token": _secret(worker_token),
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "tls_ca": tls_ca,
        "log_format": log_format,
        "log_level": log_level,
    }
    run(settings_from(CoordinatorSettings, given))


def _secret(text: str | None) -> SecretStr | None:
    return None if text is None else SecretStr(text)
