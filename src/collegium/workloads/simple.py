"""The built-in workloads without a purpose of their own: to measure and to try."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from collegium.errors import Cancelled
from collegium.workloads.base import TaskContext

LONGEST_NAP_S = 0.02
"""Time between two looks at whether to stop."""


class Nothing(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Anything(RootModel[JsonValue]):
    """Any JSON value."""


class Nap(BaseModel):
    """How long to sleep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(ge=0.0, le=86_400.0, allow_inf_nan=False)


class Noop:
    """Does nothing: what remains is the cost of delegating."""

    name: ClassVar[str] = "noop"
    is_light: ClassVar[bool] = True
    is_idempotent: ClassVar[bool] = True
    Input: ClassVar[type[BaseModel]] = Nothing
    Output: ClassVar[type[BaseModel]] = Nothing

    def blobs(self, task: Nothing) -> Sequence[str]:
        """Return no hash."""
        return ()

    def run(self, task: Nothing, context: TaskContext) -> Nothing:
        """Return an empty object."""
        return task


class Echo:
    """Gives its input back."""

    name: ClassVar[str] = "echo"
    is_light: ClassVar[bool] = True
    is_idempotent: ClassVar[bool] = True
    Input: ClassVar[type[BaseModel]] = Anything
    Output: ClassVar[type[BaseModel]] = Anything

    def blobs(self, task: Anything) -> Sequence[str]:
        """Return no hash."""
        return ()

    def run(self, task: Anything, context: TaskContext) -> Anything:
        """Return what came in."""
        return task


class Sleep:
    """Holds a slot for a time, without using the processor."""

    name: ClassVar[str] = "sleep"
    is_light: ClassVar[bool] = False
    is_idempotent: ClassVar[bool] = True
    Input: ClassVar[type[BaseModel]] = Nap
    Output: ClassVar[type[BaseModel]] = Nap

    def blobs(self, task: Nap) -> Sequence[str]:
        """Return no hash."""
        return ()

    def run(self, task: Nap, context: TaskContext) -> Nap:
        """Sleep, looking now and then whether to stop.

        Raises
        ------
        Cancelled
            When the context said so.
        """
        end_s = time.monotonic() + task.seconds
        while (left_s := end_s - time.monotonic()) > 0.0:
            time.sleep(min(left_s, LONGEST_NAP_S))
            if context.is_cancelled():
                raise Cancelled
        return task
