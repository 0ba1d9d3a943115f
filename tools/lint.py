"""Checks the sources, or formats them with --fix: Python with ruff and mypy, GDScript with gdlint and gdformat, and the
workflows of the forge with zizmor.
"""

from __future__ import annotations

import subprocess
import sys
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
    *(f"tests/{folder}" for folder in ("bench", "chaos", "conformance", "godot", "platforms", "portable")),
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


def main() -> int:
    """Run them all, show what the failing ones say, and name them in the last line."""
    failed = []
    fix = "--fix" in sys.argv[1:]
    for command in commands(fix=fix):
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)
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
