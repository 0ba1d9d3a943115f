"""One run of libFuzzer over one target: `python -m tests.fuzz.engine TARGET [options of libFuzzer] [folders, files]`.

`tests.fuzz` starts it, with libFuzzer and AddressSanitizer preloaded.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import shlex
import sys

import atheris  # type: ignore[import-untyped]

from tests.fuzz.targets import FOUND, TARGETS


def run(data: bytes) -> None:
    """Run the target, and keep an input that fails: libFuzzer has ended at an exception without writing it down."""
    try:
        target.run(data)
    except Exception:
        FOUND.mkdir(parents=True, exist_ok=True)
        path = FOUND / f"{sys.argv[1]}-{hashlib.sha1(data).hexdigest()}"
        path.write_bytes(data)
        raise


if __name__ == "__main__":
    with atheris.instrument_imports(include=TARGETS[sys.argv[1]].watched):
        target = importlib.import_module(f"tests.fuzz.{sys.argv[1]}")
    gc.freeze()  # What was imported stays.
    # To merge corpora, it starts itself anew.
    command = f"{shlex.quote(sys.executable)} -m tests.fuzz.engine {sys.argv[1]}"
    atheris.Setup([command, *sys.argv[2:]], run)
    atheris.Fuzz()
