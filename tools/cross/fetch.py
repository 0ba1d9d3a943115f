"""Fetches what cross-compiling needs into build/cross, once: wheels with pip, by hash, and from Debian with apt."""

from __future__ import annotations

import hashlib
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import debian_engine
import report

from cross import ROOT, WORK

REQUIREMENTS = ROOT / "tools/cross/requirements.txt"
TOOLS = WORK / "tools"
STAMP = TOOLS / "fetched.txt"
# The suite with the Python of tools/platforms.py.
SUITE = "bookworm"
PYTHON_SOURCE = ("python3.11", "python3.11_3.11.2.orig.tar.gz")
PYTHON_SOURCE_SHA256 = "2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849"


def pinned(package: str, file: Path = REQUIREMENTS) -> str:
    """The requirement for a package with its hashes, as a requirements file has it."""
    found = re.search(rf"^{re.escape(package)}==[^\\\n]*(?:\\\n[^\\\n]*)*", file.read_text(), re.MULTILINE)
    if found is None:
        raise report.SetupError(f"{file} does not pin {package}")
    return found[0]


def _pip(*arguments: str, requirements: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements + "\n")
        file.flush()
        common = [
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--no-cache-dir",
            "--disable-pip-version-check",
        ]
        command = [sys.executable, "-m", "pip", *arguments, *common, "--progress-bar=off", "-r", file.name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        what = ", ".join(re.findall(r"^\S+==\S+", requirements, re.MULTILINE))
        why = errors[-1] if errors else "no reason given"
        raise report.SetupError(f"pip cannot fetch {what}: check the network and pip's settings [{why}]")


def _is_done(folder: Path, wanted: str) -> bool:
    stamp = folder / "fetched.txt"
    return stamp.exists() and stamp.read_text() == wanted


def tools() -> Path:
    """The folder with the packages ziglang and lief, as in a PYTHONPATH."""
    wanted = f"{pinned('ziglang')}\n{pinned('lief')}\n"
    if not _is_done(TOOLS, wanted):
        report.progress("cross", "fetching the compiler (about 100 MB, once) ...")
        shutil.rmtree(TOOLS, ignore_errors=True)
        _pip("install", f"--target={TOOLS}", requirements=wanted)
        STAMP.write_text(wanted)
    return TOOLS


def lief() -> Any:
    """The package lief, which reads and writes libraries of other systems."""
    if str(tools()) not in sys.path:
        sys.path.append(str(TOOLS))
    return importlib.import_module("lief")


def wheel(package: str, tags: Sequence[str], file: Path = REQUIREMENTS) -> Path:
    """The wheel of a package for a platform that one of the tags names, unpacked."""
    folder = WORK / "wheels" / f"{package}-{tags[0]}"
    wanted = f"{pinned(package, file)}\n{' '.join(tags)}\n"
    if not _is_done(folder, wanted):
        report.progress("cross", f"fetching {package} for {tags[0]} ...")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        target = ["--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=none"]
        target += [f"--platform={tag}" for tag in tags]
        with tempfile.TemporaryDirectory(dir=folder) as directory:
            _pip("download", f"--dest={directory}", *target, requirements=pinned(package, file))
            (archive,) = Path(directory).iterdir()
            shutil.unpack_archive(archive, folder, "zip")
        (folder / "fetched.txt").write_text(wanted)
    return folder


def debian_packages(architecture: str, packages: Sequence[str]) -> Path:
    """Packages of Debian, without what they depend on, unpacked; `architecture` as Debian names it."""
    folder = WORK / "debian" / architecture
    wanted = " ".join(packages)
    if not _is_done(folder, wanted):
        report.progress("cross", f"fetching {wanted} of Debian {SUITE} for {architecture} ...")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as directory:
            apt = debian_engine.Apt(Path(directory, "apt"), SUITE, architecture)
            apt.update()
            apt.run("download", *packages, cwd=Path(directory))
            for archive in sorted(Path(directory).glob("*.deb")):
                subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)
        (folder / "fetched.txt").write_text(wanted)
    return folder


def python_source() -> Path:
    """CPython's source, with Debian's patches, which have what was mended since."""
    package, original = PYTHON_SOURCE
    folder = WORK / "source"
    wanted = f"{package} {PYTHON_SOURCE_SHA256}"
    if not _is_done(folder, wanted):
        report.progress("cross", f"fetching CPython's source from Debian {SUITE} (about 20 MB, once) ...")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as directory:
            apt = debian_engine.Apt(Path(directory, "apt"), SUITE)
            apt.update("deb-src")
            apt.run("source", "--download-only", package, cwd=Path(directory))
            digest = hashlib.sha256(Path(directory, original).read_bytes()).hexdigest()
            if digest != PYTHON_SOURCE_SHA256:
                raise report.SetupError(
                    f"{original} is not the one that tools/cross/fetch.py pins: look why, then pin {digest}"
                )
            (description,) = Path(directory).glob("*.dsc")
            unpacked = Path(directory, "unpacked")
            command = ["dpkg-source", "--no-check", "-x", description.name, unpacked.name]
            subprocess.run(command, cwd=directory, check=True, capture_output=True)
            (unpacked / "fetched.txt").write_text(wanted)
            unpacked.rename(folder)
    return folder
