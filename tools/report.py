"""How the set-up tools report: progress lines, and one clear line for an error that has a remedy.

Runs on the machine's own Python before anything is checked, so it keeps to Python 3.6 syntax.
"""

import errno
import signal
import sys
from typing import Callable, NoReturn


class SetupError(Exception):
    """Something that the person at the keyboard can put right. The message is one line that says what to do."""


def progress(what: str, text: str) -> None:
    """Print one progress line to standard error: what a tool prints to standard output may be its answer."""
    print("%s: %s" % (what, text), file=sys.stderr, flush=True)


def disk_full(where: object) -> SetupError:
    """The error for a full disk, wherever it is noticed."""
    return SetupError("the disk is full: make room on the file system of %s and run this again" % where)


def run(what: str, main: Callable[[], int]) -> NoReturn:
    """Call main(); turn each error with a remedy into one line and an exit code other than 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` removes what is half made
    try:
        code = main()
    except SetupError as error:
        progress(what, "error: %s" % error)
        code = 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        progress(what, "error: %s" % disk_full(error.filename or "this directory"))
        code = 1
    except KeyboardInterrupt:
        progress(what, "interrupted; nothing half-made is left")
        code = 130
    sys.exit(code)
