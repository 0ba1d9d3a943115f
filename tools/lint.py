"""Checks the sources, or formats them with --fix: Python with ruff and mypy, GDScript with gdlint and gdformat, and the
workflows of the forge with zizmor.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv/bin"
PYTHON = ("python", "tests", "tools", "demo")
# Offline, and a file that is no workflow is an error.
WORKFLOWS = ("zizmor", "--quiet", "--no-progress", "--offline", "--strict-collection", ".github/workflows")
GDSCRIPT = (
    "addons",
    "demo",
    *(
        f"tests/{folder}"
        for folder in ("bench", "chaos", "conformance", "godot", "multiplayer", "platforms", "portable")
    ),
)


def gdscripts() -> list[str]:
    """Every GDScript file of ours."""
    return sorted(str(path.relative_to(ROOT)) for folder in GDSCRIPT for path in (ROOT / folder).rglob("*.gd"))


def commands(fix: bool) -> list[list[str]]:
    """The linters' command lines."""
    folders = [folder for folder in PYTHON if (ROOT / folder).is_dir()]
    scripts = gdscripts()
    gdformat = [["gdformat", "--line-length=120", *([] if fix else ["--check"]), *scripts]] if scripts else []
    if fix:
        return [["ruff", "format"], ["ruff", "check", "--fix"], *gdformat]
    gdlint = [["gdlint", *scripts]] if scripts else []
    return [["ruff", "format", "--check"], ["ruff", "check"], ["mypy", *folders], *gdlint, *gdformat, [*WORKFLOWS]]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of them, and keep what it says."""
    return subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)


def main() -> int:
    """Run them all, show what the failing ones say, and name them in the last line."""
    failed = []
    fix = "--fix" in sys.argv[1:]
    # Those that only check need not wait for one another.
    with ThreadPoolExecutor(1 if fix else os.cpu_count()) as threads:
        linters = commands(fix=fix)
        results = list(threads.map(run, linters))
    for command, done in zip(linters, results, strict=True):
        if done.returncode:
            sys.stdout.write(done.stdout + done.stderr)
            failed.append(" ".join(command[:2]) if command[0] == "ruff" else command[0])
    if failed:
        report.progress("lint", f"error: {', '.join(failed)} found the above (`make format` mends the layout)")
        return 1
    report.progress("lint", "formatted; without --fix, types are checked, too" if fix else "nothing was found")
    return 0


if __name__ == "__main__":
    report.run("lint", main)
