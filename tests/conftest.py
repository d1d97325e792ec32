"""Fixtures of all tests; each plugin is a module of ``tests/fixtures``."""

from __future__ import annotations

pytest_plugins = [
    "fixtures.catalogue",
    "fixtures.cluster",
    "fixtures.instances",
    "fixtures.itc2019",
    "fixtures.world",
]
