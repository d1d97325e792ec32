"""Which workloads are installed here."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from collegium.errors import Misconfigured
from collegium.workloads.base import Workload

ENTRY_POINT_GROUP = "collegium.workloads"
Catalogue = Mapping[str, Workload]

_log = logging.getLogger(__name__)


def load_workloads(
    only: Collection[str] = (), found: Iterable[EntryPoint] | None = None
) -> dict[str, Workload]:
    """Return installed workloads by their names, sorted.

    One that cannot be imported is left out and logged: a broken plug-in must not
    take the fleet down, and whoever asks for it is told that it does not exist.

    Parameters
    ----------
    only : names of those wanted; empty means all.
    found : entry points to look at; those of the environment by default.

    Raises
    ------
    Misconfigured
        When one that is wanted by name is not installed.
    """
    if found is None:
        found = entry_points(group=ENTRY_POINT_GROUP)
    installed = {point.name: point for point in found}
    unknown = set(only) - set(installed)
    if unknown:
        raise Misconfigured(f"These workloads are not installed: {sorted(unknown)}.")
    catalogue: dict[str, Workload] = {}
    for name in sorted(only or installed):
        point = installed[name]
        try:
            workload: Workload = point.load()()
        except Exception:  # noqa: BLE001 - whatever a plug-in raises at import
            _log.exception("workload %s cannot be loaded and is left out", point.name)
            continue
        if workload.name != point.name:
            _log.error(
                "workload %s calls itself %s and is left out", point.name, workload.name
            )
            continue
        catalogue[workload.name] = workload
    return catalogue


def import_paths(catalogue: Catalogue) -> dict[str, str]:
    """Return where another process finds each workload, as ``module:Class``."""
    return {
        name: f"{type(workload).__module__}:{type(workload).__qualname__}"
        for name, workload in catalogue.items()
    }


def import_workloads(paths: Mapping[str, str]) -> dict[str, Workload]:
    """Return the workloads at the given paths; the inverse of ``import_paths``."""
    catalogue: dict[str, Workload] = {}
    for name, path in paths.items():
        module, _, class_name = path.partition(":")
        catalogue[name] = getattr(importlib.import_module(module), class_name)()
    return catalogue
