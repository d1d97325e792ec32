"""Fixtures of all tests; each plugin is a module of ``tests/fixtures``."""

from __future__ import annotations

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts real processes: it takes longest, and mostly waits."""
    first = {item.path for item in items if "processes" in item.keywords}
    items.sort(key=lambda item: item.path not in first)
