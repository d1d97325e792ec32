"""The command line: one module per command, none imported before it is asked for."""

from __future__ import annotations

from collegium.cli.app import main

__all__ = ["main"]
