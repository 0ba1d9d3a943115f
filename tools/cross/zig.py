"""The compiler for other platforms: zig's, which has the headers and libraries of all of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import project
import report

from cross import ROOT, WORK, fetch

PROGRAM = fetch.TOOLS / "ziglang/zig"
# Speed is that of `make build`; nothing tells when, where or in which folder it was compiled.
FLAGS = (*project.compilation()["flags"], "-DNDEBUG", "-w", f"-ffile-prefix-map={ROOT}=.")


def compiler(target: str) -> list[str]:
    """The command line of the C compiler, and linker, for a target as zig names it."""
    return [str(PROGRAM), "cc", "-target", target]


def environment() -> dict[str, str]:
    """What it runs in: its caches stay in the clone, and the language of its messages is one."""
    cache = str(WORK / "cache")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache, "LC_ALL": "C.UTF-8"}


def prepare(target: str, folder: Path) -> None:
    """Link an empty library: for a target that is new to it, zig first compiles the system's own libraries.

    That takes long, and whatever is linked meanwhile waits, in a place where something could be compiled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "empty.c"
    source.write_text("int pythonscript_empty;\n")
    run([*compiler(target), "-O2", "-shared", "-s", source, "-o", folder / "empty"])
    (folder / "prepared.txt").touch()


def run(command: Sequence[str | Path], cwd: Path | None = None, **variables: str) -> str:
    """Run a step of the build; when it fails, show the end of what it says, and give up in one line."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise report.SetupError(f"`{' '.join(map(str, command[:4]))} ...` failed:\n{done.stdout[-4000:]}")
    return done.stdout
