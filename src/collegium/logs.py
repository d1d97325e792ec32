"""Logging: one line for each event, for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from typing import Any, Literal

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Names the request that the running code serves."""
task_id: ContextVar[str] = ContextVar("task_id", default="")
"""Names the task that the running code handles."""
traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""W3C trace context of what the running code does."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def set_up(
    level: Literal["debug", "info", "warning", "error"],
    layout: Literal["text", "json"],
) -> None:
    """Send every log record to stderr in one layout."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if layout == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line of a record, with the names of what was being done."""
        names = "".join(f" {name}={value}" for name, value in _context().items())
        return super().formatMessage(record) + names


class JsonLines(logging.Formatter):
    """One JSON object a line, with whatever ``extra`` a record carries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_context())
        extra = {n: v for n, v in vars(record).items() if n not in _STANDARD}
        line.update(extra)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _context() -> dict[str, str]:
    variables = (request_id, task_id, traceparent)
    return {v.name: v.get() for v in variables if v.get()}
