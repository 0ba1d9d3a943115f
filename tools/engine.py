"""Chooses the Godot engine: $GODOT, a `godot` or `godot4` on PATH, or one that is fetched into the clone.

`tools/godot` becomes this when its cached choice (`.engine/choice`) no longer holds, and is started again afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import debian_engine
import report

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = ROOT / "tools" / "godot"
STATE = ROOT / ".engine"
MINIMUM = (4, 4)
NEEDED = "Godot {}.{} or newer".format(*MINIMUM)


def version_text(engine: str) -> str:
    """What `engine --version` says, such as `4.6.3.stable`; empty when it does not run."""
    try:
        done = subprocess.run(
            [engine, "--headless", "--version"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line for line in done.stdout.splitlines() if re.match(r"\d+\.\d+", line)), "")


def is_new_enough(version: str) -> bool:
    """Whether a version text is that of an engine that the project runs on."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= MINIMUM


def from_environment() -> str | None:
    """The engine that $GODOT names. An explicit choice that does not serve is an error, never passed over."""
    named = os.environ.get("GODOT")
    if not named:
        return None
    engine = shutil.which(os.path.abspath(named) if os.sep in named else named)
    version = version_text(engine) if engine else ""
    if not engine or not version:
        raise report.SetupError(f"GODOT={named} does not run: set GODOT to the program of {NEEDED}, or unset it")
    if not is_new_enough(version):
        raise report.SetupError(f"GODOT={named} is Godot {version}, too old: set it to {NEEDED}, or unset it")
    return os.path.abspath(engine)


def from_path() -> str | None:
    """The first new enough `godot` or `godot4` on PATH. Older ones are passed over with a line that says so."""
    for name in ("godot", "godot4"):
        engine = shutil.which(name)
        if not engine or Path(engine).resolve() == LAUNCHER:
            continue
        version = version_text(engine)
        if is_new_enough(version):
            return os.path.abspath(engine)
        report.progress("godot", f"passing over {engine} ({version or 'it does not run'}): {NEEDED} is needed")
    return None


def choose() -> str:
    """The path of the engine to run; fetches one when the machine has none."""
    return from_environment() or from_path() or str(debian_engine.installed(STATE))


def release_template(engine: str) -> Path | None:
    """The template that exported games are made of, if it lies beside the engine, as Debian's does."""
    template = Path(engine).with_name("godot-template-release")
    return template if template.exists() else None


def remember(key: str, engine: str) -> None:
    """Cache the choice for `tools/godot`, which reads three lines: the key, the engine, what `stat` says of it."""
    stamp = subprocess.run(["stat", "-Lc", "%s %y %z", "--", engine], capture_output=True, text=True, check=True).stdout
    STATE.mkdir(exist_ok=True)
    draft = STATE / f"choice.{os.getpid()}"
    draft.write_text(f"{key}\n{engine}\n{stamp}")
    draft.replace(STATE / "choice")


def main() -> int:
    """`engine.py KEY [ARGUMENT ...]`: choose, then become `tools/godot ARGUMENT ...`."""
    remember(sys.argv[1], choose())
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, which the engine would inherit
    os.execv(LAUNCHER, [str(LAUNCHER), *sys.argv[2:]])


if __name__ == "__main__":
    report.run("godot", main)
