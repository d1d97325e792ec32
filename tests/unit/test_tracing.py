"""When spans are recorded, and what they hang on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from collegium import logs
from collegium.errors import Misconfigured
from collegium.rest.application import Application
from collegium.rest.health import health_router
from collegium.tracing import spans
from collegium.tracing.export import ENDPOINTS, LAST_EXPORT_S, exporting, is_wanted
from fixtures.asgi import AsgiClient

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture
def seen() -> Iterator[InMemorySpanExporter]:
    """Record spans; give where they are."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.use(provider.get_tracer("test"))
    yield exporter
    spans.use(None)
    provider.shutdown()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/t"}, True),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_the_standard_variables_decide(
    environment: dict[str, str], wanted: bool
) -> None:
    """An endpoint switches traces on; the usual switches switch them off."""
    assert is_wanted(environment) is wanted


def test_another_protocol_is_refused() -> None:
    """What cannot be exported is said at the start, not found out later."""
    with pytest.raises(Misconfigured, match="http/protobuf"):
        is_wanted(ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_unconfigured_costs_nothing() -> None:
    """Without an endpoint one shared object stands for every span, and does nothing."""
    with exporting("collegium-test", {}):
        assert not spans.is_on()
        assert spans.inner("run", "noop") is spans.server("GET")
        with spans.attempt("t", "noop", number=1, member="w"):
            assert logs.traceparent.get() == ""


def test_the_end_does_not_wait_for_a_collector_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exporter alone would try again for ten seconds; its threads end as well."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT[ENDPOINTS[1]])
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    with exporting("collegium-test", ENDPOINT):
        with spans.inner("run", "noop"):
            pass
        began_s = time.monotonic()
    assert time.monotonic() - began_s < LAST_EXPORT_S + 15.0
    assert not spans.is_on()


def test_steps_are_below_each_other(seen: InMemorySpanExporter) -> None:
    """A span hangs on what is current; afterwards that is current again."""
    token = logs.traceparent.set(SAMPLED)
    with spans.inner("task", "noop"):
        below = logs.traceparent.get()
        with spans.attempt("t", "noop", number=1, member="w"):
            pass
        assert logs.traceparent.get() == below
    assert logs.traceparent.get() == SAMPLED
    logs.traceparent.reset(token)
    attempt, task = seen.get_finished_spans()
    assert attempt.parent is not None
    assert task.parent is not None
    assert attempt.parent.span_id == task.context.span_id
    assert f"{task.parent.span_id:016x}" == SAMPLED.split("-")[2]
    assert f"{task.context.trace_id:032x}" == SAMPLED.split("-")[1]


def test_what_the_client_does_not_sample_is_not_recorded(
    seen: InMemorySpanExporter,
) -> None:
    """The decision of whoever began the trace goes on to the worker."""
    token = logs.traceparent.set(UNSAMPLED)
    with spans.inner("task", "noop"):
        passed_on = logs.traceparent.get()
    logs.traceparent.reset(token)
    assert passed_on.split("-")[1] == UNSAMPLED.split("-")[1]
    assert passed_on.endswith("-00")
    assert not seen.get_finished_spans()


def test_an_error_is_noted_by_its_kind_alone(seen: InMemorySpanExporter) -> None:
    """A message may name a person; the class of an error does not."""
    with pytest.raises(ValueError, match="Ada"):
        _fail()
    (span,) = seen.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {})["error.type"] == "ValueError"
    assert "Ada" not in span.to_json()


def _fail() -> None:
    with spans.inner("task", "noop"):
        raise ValueError("Ada has failed the course")


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [("/v1/nobody/42", "GET", 404), ("/health/live", None, 200)],
)
async def test_names_are_bounded(
    seen: InMemorySpanExporter, path: str, name: str | None, status: int
) -> None:
    """A span is called by its route; a path that no route serves names none."""
    app = Application(title="test")
    app.include_router(health_router(lambda request: {}), prefix="/health")
    reply = await AsgiClient(app).request("GET", path)
    assert reply.status == status
    assert [span.name for span in seen.get_finished_spans()] == ([name] if name else [])


async def test_a_nonsense_context_begins_a_trace(seen: InMemorySpanExporter) -> None:
    """What is not a W3C trace context is not believed, and is no fault either."""
    app = Application(title="test")
    for sent in ("00-" + 32 * "0" + "-" + 16 * "0" + "-01", "nonsense"):
        await AsgiClient(app).request("GET", "/", headers={"traceparent": sent})
    assert [span.parent for span in seen.get_finished_spans()] == [None, None]
