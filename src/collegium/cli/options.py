"""Turn options of the command line into settings, over those of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from collegium.errors import Misconfigured

Settings = TypeVar("Settings", bound=BaseSettings)

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="0 takes any free port.")]
TlsCertificate = Annotated[Path | None, typer.Option(help="Certificate, PEM.")]
TlsKey = Annotated[Path | None, typer.Option(help="Its key, PEM.")]
LogFormat = Annotated[str | None, typer.Option(help="text or json.")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning or error.")]


def settings_from(kind: type[Settings], given: Mapping[str, Any]) -> Settings:
    """Return settings in which every option that was given wins.

    Parameters
    ----------
    kind : which settings.
    given : values by field; None leaves a field to the environment or its default.

    Raises
    ------
    Misconfigured
        When a value is not acceptable, wherever it comes from.
    """
    try:
        return kind(**{name: v for name, v in given.items() if v is not None})
    except ValidationError as error:
        complaint = error.errors(include_url=False, include_context=False)[0]
        field = "/".join(str(part) for part in complaint["loc"])
        prefix = kind.model_config.get("env_prefix", "")
        raise Misconfigured(
            f"{field.replace('_', '-')} ({prefix}{field.upper()}): {complaint['msg']}."
        ) from None
