"""Run tasks on a fleet from a Python program; begin with ``Client``."""

from collegium.client.tasks import Client, TaskResult

__all__ = ["Client", "TaskResult"]
