"""Which commands there are, and how every one of them ends when something is wrong.

A command is a function with typer's annotations, or a ``typer.Typer`` of several,
in a module of its own. Its line in ``COMMANDS`` is all that makes it known: the
module is imported only when the command is run, so that ``collegium --help`` and
``collegium validate`` never wait for a compiler or a web framework.

Exit codes: 0 done; 1 what the command itself means by it; 2 the input or an option
is not acceptable; 3 it cannot be done now or at all; 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from collegium import __version__
from collegium.errors import CollegiumError, Conflict, Invalid, Misconfigured, NotFound

EXIT_BAD_INPUT = 2
EXIT_FAILED = 3
EXIT_INTERRUPTED = 130


class Command(NamedTuple):
    """Where a command is, and its docstring's first sentence for the list of all."""

    target: str
    summary: str


COMMANDS: Mapping[str, Command] = {
    "backup": Command(
        "collegium.cli.backup:backup",
        "Copy an SQLite database while coordinators use it.",
    ),
    "bench": Command(
        "collegium.cli.bench:bench", "Measure what things cost on this machine."
    ),
    "coordinator": Command(
        "collegium.cli.coordinator:coordinator",
        "Serve universities, courses, jobs and the fleet until told to stop.",
    ),
    "demo": Command(
        "collegium.cli.demo:demo",
        "Run a coordinator and two workers with a sample university.",
    ),
    "doctor": Command(
        "collegium.cli.doctor:doctor", "Tell whether a database is sound."
    ),
    "explain": Command(
        "collegium.cli.explain:explain",
        "Say what blocks the places of a class, or why an instance has no timetable.",
    ),
    "export": Command(
        "collegium.cli.interchange:exporting", "Write a file for another program."
    ),
    "generate": Command(
        "collegium.cli.generate:generate", "Make up a university's timetabling problem."
    ),
    "import": Command(
        "collegium.cli.interchange:importing", "Take in a file of another program."
    ),
    "key": Command(
        "collegium.cli.key:keys",
        "Make, list and revoke keys of the interface, in the database itself.",
    ),
    "migrate": Command(
        "collegium.cli.migrate:migrate",
        "Bring a database to the schema that this program needs.",
    ),
    "repair": Command(
        "collegium.cli.repair:repair",
        "Mend a published timetable, moving as little as one likes to pay for.",
    ),
    "solve": Command("collegium.cli.solve:solve", "Make a timetable for an instance."),
    "validate": Command(
        "collegium.cli.validate:validate", "Judge a timetable by the official rules."
    ),
    "worker": Command(
        "collegium.cli.worker:worker",
        "Run tasks for one or more coordinators until told to stop.",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Parameters
    ----------
    argv : the arguments after the program's name; None takes those of the process.
    """
    args = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        result = _app(args)(args, prog_name="collegium", standalone_mode=False)
    except typer.TyperException as error:
        return _failed(_usage(error), error.exit_code)
    except (Invalid, Misconfigured, NotFound, Conflict) as error:
        return _failed(error.detail, EXIT_BAD_INPUT)
    except CollegiumError as error:
        return _failed(error.detail, EXIT_FAILED)
    except typer.Abort:
        return _failed("Interrupted.", EXIT_INTERRUPTED)
    return result if isinstance(result, int) else 0


def load(name: str) -> Any:
    """Import a command: a function, or a ``typer.Typer`` of several."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    # Next to nothing of what imports make is garbage; looking for it takes a fifth
    # of the time.
    gc.disable()
    try:
        return getattr(import_module(module), attribute)
    finally:
        gc.enable()


def _app(args: Sequence[str]) -> typer.Typer:
    """Build the program around the one command that is asked for."""
    app = typer.Typer(
        help="University courses, and the timetables that a fleet makes for them.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before_all)
    asked_for = next((arg for arg in args if not arg.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name != asked_for:
            app.command(name, help=command.summary)(_not_loaded)
            continue
        target = load(name)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name)(target)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _before_all(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def _not_loaded() -> None:
    raise AssertionError("Only the command that is asked for is ever run.")


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".?")
    return f"{message}; see {context.command_path} --help" if context else message


def _failed(message: str, exit_code: int) -> int:
    """Say what is wrong in one line, whatever the message holds."""
    print(f"collegium: {' '.join(message.split())}", file=sys.stderr)
    return exit_code
