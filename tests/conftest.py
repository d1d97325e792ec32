"""Fixtures of all tests; each plugin is a module of ``tests/fixtures``."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [  # what others import comes first
    "fixtures.compiled",
    "fixtures.cluster",
    "fixtures.collector",
    "fixtures.postgresql",
    "fixtures.catalogue",
    "fixtures.instances",
    "fixtures.itc2019",
    "fixtures.world",
    "fixtures.registration",
]

# An example that takes long says that the machine is busy, not that the code is wrong.
settings.register_profile("collegium", deadline=None)
settings.load_profile("collegium")


def pytest_collection_finish() -> None:
    """Have the collector pass by what imports have made: none of it is garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts real processes: it takes longest, and mostly waits."""
    first = {item.path for item in items if "processes" in item.keywords}
    items.sort(key=lambda item: item.path not in first)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what has no test of the few asked for: importing all takes longest."""
    if config.option.markexpr != "alone" or not collection_path.match("test_*.py"):
        return None
    return "mark.alone" not in collection_path.read_text() or None
