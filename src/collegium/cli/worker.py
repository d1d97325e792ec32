"""``collegium worker``: lend this machine's processors to one or more coordinators."""

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
from collegium.settings import WorkerSettings
from collegium.worker.server import run


def worker(
    coordinator: Annotated[
        list[str] | None,
        typer.Option(
            help="Base address of a coordinator; give one for each.",
            show_default=False,
        ),
    ] = None,
    host: Host = None,
    port: Port = None,
    url: Annotated[
        str | None, typer.Option(help="How coordinators reach this worker.")
    ] = None,
    id: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="Stable name of this worker.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Tasks at once; 0 means one for each core.")
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            help="Offer only this one; give one for each.", show_default=False
        ),
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="Share of the work under policy weighted.")
    ] = None,
    heartbeat: Annotated[
        float | None,
        typer.Option("--heartbeat", help="Seconds between reports; theirs by default."),
    ] = None,
    grace: Annotated[
        float | None,
        typer.Option("--grace", help="Seconds that tasks may go on after SIGTERM."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Shared secret; better in COLLEGIUM_WORKER_TOKEN."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the blob cache lives.")
    ] = None,
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="Authorities of coordinators' certificates.")
    ] = None,
    log_format: LogFormat = None,
    log_level: LogLevel = None,
) -> None:
    """Run tasks for one or more coordinators until told to stop.

    The worker announces itself at once and with every heartbeat; nobody edits a list.
    On SIGTERM it takes in nothing more, finishes what runs within the grace time,
    leaves and exits with 0. Every option can also be set in the environment, as
    COLLEGIUM_WORKER_ and its name in capitals.
    """
    given: dict[str, Any] = {
        "coordinator": tuple(coordinator) if coordinator else None,
        "host": host,
        "port": port,
        "url": url,
        "id": id,
        "slots": slots,
        "workloads": tuple(workload) if workload else None,
        "weight": weight,
        "heartbeat_s": heartbeat,
        "grace_s": grace,
        "token": SecretStr(token) if token is not None else None,
        "data_dir": data_dir,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "tls_ca": tls_ca,
        "log_format": log_format,
        "log_level": log_level,
    }
    run(settings_from(WorkerSettings, given))
