"""Send spans to a collector, as the standard variables of OpenTelemetry say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from threading import Timer
from typing import Any

from collegium import __version__
from collegium.errors import Misconfigured
from collegium.tracing import spans

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
LAST_EXPORT_S = 2.0
"""How long the end of a process may wait for the last spans to be taken."""


@contextmanager
def exporting(program: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Record and export spans as long as the block lasts, if that is configured.

    Parameters
    ----------
    program : default of ``OTEL_SERVICE_NAME``.
    environment : its ``OTEL_`` variables say where to export to.

    Raises
    ------
    Misconfigured
        When another protocol than HTTP is wanted.
    """
    if not is_wanted(environment):
        yield
        return
    provider, exporter = _provider(program, environment)
    spans.use(provider.get_tracer("collegium", __version__))
    try:
        yield
    finally:
        spans.use(None)
        # Send what has not been sent yet, but do not wait for a collector that is gone.
        giving_up = Timer(LAST_EXPORT_S, exporter.shutdown)
        giving_up.start()
        provider.shutdown()
        giving_up.cancel()


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Tell whether spans shall be exported.

    Raises
    ------
    Misconfigured
        When another protocol than HTTP is wanted.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    if not any(environment.get(name) for name in ENDPOINTS):
        return False
    protocol = next(filter(None, map(environment.get, PROTOCOLS)), PROTOCOL)
    if protocol != PROTOCOL:
        raise Misconfigured(
            f"Traces are exported over {PROTOCOL}, not {protocol}: set "
            f"{PROTOCOLS[1]}={PROTOCOL}, on most collectors with port 4318."
        )
    return True


def _provider(program: str, environment: Mapping[str, str]) -> tuple[Any, Any]:
    # What the SDK costs at the start only those pay who use it.
    sdk = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    resources = import_module("opentelemetry.sdk.resources")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    attributes = {"service.version": __version__}
    if not environment.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = program
    provider = sdk.TracerProvider(
        resource=resources.Resource.create(attributes), shutdown_on_exit=False
    )
    exporter = otlp.OTLPSpanExporter()
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider, exporter
