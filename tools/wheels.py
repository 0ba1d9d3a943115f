"""Builds the Python package in dist/: the source distribution, and of it a wheel for each processor and system.

The extension modules are those that `SCons platforms` has cross-compiled. What is built is checked by twine, and by
auditwheel, which finds what glibc they need.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import platforms
import project
import report
from cross import WORK

DIST = project.ROOT / "dist"
REQUIREMENTS = project.ROOT / "tools/wheels.txt"
TOOLS = project.ROOT / "build/wheels"
PACKAGE = "ws_python"
# What has the build backend make something, and print the name of it.
BACKEND = """
import json, sys
from setuptools import build_meta
print(getattr(build_meta, sys.argv[1])(*json.loads(sys.argv[2])))
"""
MANYLINUX = re.compile(r'following platform tag:\s*"(\w+)"')


def tag_of(target: str) -> str:
    """The platform tag of a wheel for a target, as zig names it: x86_64-linux-gnu.2.28, aarch64-macos.11.0."""
    processor, system, *abi = target.split("-")
    if system == "linux":
        return f"manylinux_{abi[0].partition('.')[2].replace('.', '_')}_{processor}"
    if system == "windows":
        return {"x86_64": "win_amd64", "aarch64": "win_arm64"}[processor]
    version = system.partition(".")[2].replace(".", "_")
    return f"macosx_{version}_{'arm64' if processor == 'aarch64' else processor}"


def backend(hook: str, *arguments: object, cwd: Path, **variables: str) -> str:
    """Call a hook of the build backend (PEP 517) in a folder; the file that it made."""
    done = subprocess.run(
        [sys.executable, "-c", BACKEND, hook, json.dumps(arguments)],
        cwd=cwd,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(time_of_commit()), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        raise report.SetupError(f"setuptools cannot {hook.replace('_', ' ')} of {PACKAGE}, see above")
    return done.stdout.splitlines()[-1]


def time_of_commit() -> int:
    """When what is built was committed: the time of the files in it, so that two builds are the same."""
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=project.ROOT, capture_output=True, text=True)
    return int(shown.stdout) if shown.returncode == 0 else 315532800  # 1980, the first year of zip.


def build_source(dist: Path) -> Path:
    """Build the source distribution."""
    report.progress("wheels", "building the source distribution ...")
    return dist / backend("build_sdist", str(dist), cwd=project.ROOT)


def build_wheel(source: Path, target: str, dist: Path) -> Path:
    """Build the wheel for a target out of the source distribution."""
    modules = WORK / "made" / target / "site-packages"
    if not (modules / PACKAGE).is_dir():
        raise report.SetupError(f"nothing is compiled for {target}: `make wheels`")
    report.progress("wheels", f"building the wheel for {target} ...")
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(source) as archive:
            archive.extractall(directory, filter="data")
        (folder,) = Path(directory).iterdir()
        options = {"--build-option": [f"--plat-name={tag_of(target)}"]}
        return dist / backend("build_wheel", str(dist), options, cwd=folder, WS_PYTHON_READY_MADE=str(modules))


def tools() -> Path:
    """A folder with auditwheel and twine, as in a PYTHONPATH."""
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    stamp = TOOLS / "fetched.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        report.progress("wheels", "fetching auditwheel and twine (once) ...")
        shutil.rmtree(TOOLS, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", f"--target={TOOLS}", "--no-deps", "--require-hashes"]
        command += ["--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "-r", str(REQUIREMENTS)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.splitlines() or ["no reason given"])[-1]
            raise report.SetupError(f"pip cannot fetch what {REQUIREMENTS} pins: check the network [{last}]")
        stamp.write_text(wanted, encoding="utf-8")
    return TOOLS


def run_tool(*arguments: str | Path) -> str:
    """Run auditwheel or twine; what it prints. Raises SetupError when it finds a fault."""
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(tools())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise report.SetupError(f"{arguments[0]} refuses what was built, see above")
    return done.stdout


def check_manylinux(wheel: Path) -> None:
    """Raise SetupError unless a wheel for Linux runs with the glibc that its name tells."""
    shown = " ".join(run_tool("auditwheel", "show", wheel).split())
    found = MANYLINUX.search(shown)
    promised = re.search(r"manylinux_2_(\d+)", wheel.name)
    needed = re.search(r"manylinux_2_(\d+)", found[1]) if found else None
    if promised is None or needed is None or int(needed[1]) > int(promised[1]):
        raise report.SetupError(f"{wheel.name} needs a newer Linux than its name says: {shown}")


def build(dist: Path) -> tuple[Path, list[Path]]:
    """Build them all, in place of those that are there: the source distribution and the wheels."""
    dist.mkdir(exist_ok=True)
    for old in (*dist.glob(f"{PACKAGE}-*.whl"), *dist.glob(f"{PACKAGE}-*.tar.gz")):
        old.unlink()
    source = build_source(dist)
    return source, [build_wheel(source, target, dist) for platform in platforms.ALL for target in platform.targets]


def main() -> int:
    """Build and check them all."""
    source, wheels = build(DIST)
    for wheel in wheels:
        if "manylinux" in wheel.name:
            check_manylinux(wheel)
    run_tool("twine", "check", "--strict", source, *wheels)
    for made in (source, *wheels):
        report.progress("wheels", f"{made.relative_to(project.ROOT)}, {made.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    report.run("wheels", main)
