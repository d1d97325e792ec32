"""Write the page of all settings out of the classes that read them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

from pydantic_settings import BaseSettings

from collegium.settings import CoordinatorSettings, WorkerSettings

HEAD = """# Settings

{note}

Each setting is read from the environment variable named here; the command line option
of the same purpose wins over it. `--help` lists the options. Lists are separated by
commas. Secrets belong into the environment, not onto the command line.
"""


def settings_page(note: str) -> str:
    """Return the page.

    Parameters
    ----------
    note : line that says who wrote it.
    """
    parts = [HEAD.format(note=note)]
    for title, settings in (
        ("Coordinator", CoordinatorSettings),
        ("Worker", WorkerSettings),
    ):
        parts.append(f"\n## {title}\n\n| variable | default | means |\n|---|---|---|\n")
        parts.extend(_rows(settings))
    return "".join(parts)


def _rows(settings: type[BaseSettings]) -> Iterator[str]:
    prefix = settings.model_config["env_prefix"]
    texts = _texts(settings)
    for name, field in settings.model_fields.items():
        default = "none" if field.default in (None, ()) else f"`{field.default}`"
        text = " ".join(texts.get(name, "").split()).replace("|", "\\|")
        yield f"| `{(prefix + name).upper()}` | {default} | {text} |\n"


def _texts(settings: type[BaseSettings]) -> dict[str, str]:
    """Return the text that stands below each member, or below the next that has one."""
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    waiting: list[str] = []
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            waiting.append(node.target.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            texts |= dict.fromkeys(waiting[-1:], str(node.value.value))
            waiting.clear()
    return texts
