"""Spans of this process; next to nothing when no exporter is configured.

What is current travels as a W3C ``traceparent`` in ``logs.traceparent``: the same text
that stands in every line of the log and in the header of every call to a worker. So a
span of this process and one of another are parents alike, and with tracing switched
off a client's context is still passed on unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from collegium import logs

Attributes = Mapping[str, str | int | float | bool]

_current: ContextVar[Span | None] = ContextVar("span", default=None)
_tracer: Tracer | None = None
_NOTHING = Context()


def use(tracer: Tracer | None) -> None:
    """Record spans with a tracer from now on; with None, none at all."""
    global _tracer
    _tracer = tracer


def is_on() -> bool:
    """Tell whether spans are recorded."""
    return _tracer is not None


class Opened:
    """A span that is current as long as it is open.

    Parameters
    ----------
    name : what is done, from a bounded set.
    kind : on which side of which call.
    attributes : what else is known of it at its beginning.
    """

    __slots__ = ("_attributes", "_kind", "_name", "_span", "_tokens")

    def __init__(self, name: str, kind: SpanKind, attributes: Attributes) -> None:
        self._name = name
        self._kind = kind
        self._attributes = attributes
        self._span: Span | None = None
        self._tokens: tuple[Token[Span | None], Token[str]] | None = None

    def __enter__(self) -> None:
        """Begin below what is current."""
        assert _tracer is not None
        span = self._span = _tracer.start_span(
            self._name,
            _parent(logs.traceparent.get()),
            kind=self._kind,
            attributes=self._attributes,
        )
        self._tokens = _current.set(span), logs.traceparent.set(_text(span))

    def __exit__(
        self,
        class_: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; an error is noted by its kind, as its text may name persons."""
        assert self._span is not None
        assert self._tokens is not None
        _current.reset(self._tokens[0])
        logs.traceparent.reset(self._tokens[1])
        if class_ is not None:
            self._span.set_attribute("error.type", class_.__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Unrecorded:
    """Stands for a span where none is recorded."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


_UNRECORDED = Unrecorded()


def server(name: str) -> Opened | Unrecorded:
    """Return the span of a request that is served here."""
    return _UNRECORDED if _tracer is None else Opened(name, SpanKind.SERVER, {})


def inner(name: str, workload: str) -> Opened | Unrecorded:
    """Return the span of a step, in this process, of the task that is handled."""
    if _tracer is None:
        return _UNRECORDED
    attributes = {
        "collegium.task.id": logs.task_id.get(),
        "collegium.workload": workload,
    }
    return Opened(f"{name} {workload}", SpanKind.INTERNAL, attributes)


def attempt(
    task_id: str, workload: str, *, number: int, member: str
) -> Opened | Unrecorded:
    """Return the span of one try to have a task run somewhere.

    Parameters
    ----------
    number : of the try, from 1.
    member : id of the worker, or ``local``.
    """
    if _tracer is None:
        return _UNRECORDED
    attributes: Attributes = {
        "collegium.task.id": task_id,
        "collegium.workload": workload,
        "collegium.attempt": number,
        "collegium.worker.id": member,
    }
    return Opened(f"attempt {workload}", SpanKind.CLIENT, attributes)


def note(name: str, value: str | int) -> None:
    """Add to the current span what has become known."""
    if _tracer is not None:
        span = _current.get()
        if span is not None:
            span.set_attribute(name, value)


def answered(method: str, route: str, status: int) -> None:
    """Note on a server's span what was asked for and how it was answered.

    Parameters
    ----------
    route : template of the path; empty when no route serves it.
    status : HTTP status code.
    """
    span = _current.get()
    if _tracer is None or span is None:
        return
    span.update_name(f"{method} {route}" if route else method)
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _parent(traceparent: str) -> Context:
    """Return the context that a well-formed ``traceparent`` stands for."""
    if not traceparent:
        return _NOTHING
    _, trace_id, span_id, flags = traceparent.split("-")
    context = SpanContext(
        int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16) & 1)
    )
    return set_span_in_context(NonRecordingSpan(context), _NOTHING)


def _text(span: Span) -> str:
    context = span.get_span_context()
    flags = int(context.trace_flags) & 1
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"
