"""Says in one line what to do where the compiled modules are missing, or are another Python's. To be imported first."""

from __future__ import annotations

import sys
import sysconfig
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

# One of them, which imports nothing but others of them.
_ONE = "protocol.wire"
_EVERY_SUFFIX = {".so", ".pyd"}


def explain(error: ImportError, folder: Path) -> str:
    """Why the compiled modules of the package in `folder` cannot be loaded by this Python, and what can be done."""
    package, _, name = _ONE.rpartition(".")
    found = sorted(path.name for path in (folder / package).glob(f"{name}.*") if path.suffix in _EVERY_SUFFIX)
    mine = [file for file in found if file.removeprefix(name) in EXTENSION_SUFFIXES]
    this = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor} on {sysconfig.get_platform()}"
    if mine:
        why = f"cannot be loaded ({str(error).partition(chr(10))[0]})"
    elif found:
        why = f"are those of another Python or system ({', '.join(found)})"
    else:
        why = "are missing: it was copied without them, or is a clone in which nothing is built"
    return (
        f"the compiled modules of ws_python, for {this}, {why}; "
        "`pip install ws_python` (in a clone: `pip install .`, or `make build`) with this very Python"
    )


def check(package: str, folder: Path) -> None:
    """Raise ImportError with one line unless they can be loaded."""
    try:
        import_module(f"{package}.{_ONE}")
    except ImportError as error:
        raise ImportError(explain(error, folder), name=package) from None


check(__package__, Path(__file__).parent)
