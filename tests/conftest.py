"""Fixtures of all tests; each plugin is a module of ``tests/fixtures``."""

from __future__ import annotations

pytest_plugins = [  # what others import comes first
    "fixtures.cluster",
    "fixtures.collector",
    "fixtures.postgresql",
    "fixtures.catalogue",
    "fixtures.instances",
    "fixtures.itc2019",
    "fixtures.world",
    "fixtures.registration",
]
