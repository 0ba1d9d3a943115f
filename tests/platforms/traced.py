"""A module of the project: notes which modules a game asked for and did not find, in the file that $NOT_FOUND names."""

import os
import sys

from pythonscript import call_at_shutdown

_asked: set[str] = set()


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import":
        _asked.add(str(arguments[0]))


def _write() -> None:
    # Before any line, so that a run in which everything is found counts, too.
    lines = ["looked", *sorted(_asked - sys.modules.keys())]
    with open(os.environ["NOT_FOUND"], "a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


sys.addaudithook(_note)
call_at_shutdown(_write)
