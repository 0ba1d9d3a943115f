"""wepoll, the epoll of Windows (BSD licence), for python/ws_python/loop/epoll.h; Debian's source of ZeroMQ has it."""

from __future__ import annotations

import hashlib
import re
import tarfile
import tempfile
from pathlib import Path

import debian_engine
import report

from cross import WORK
from cross.fetch import SUITE

PACKAGE, ARCHIVE = "zeromq3", "zeromq3_4.3.4.orig.tar.gz"
SHA256 = "0ff5a531c9ffaf0dfdc7dc78d13d1383088f454896d252934c429b2554d10559"


def fetch(headers: Path, licenses: Path) -> None:
    """Put the source beside headers, from where epoll.h includes it, and its licence to the others."""
    report.progress("cross", f"fetching wepoll from Debian {SUITE} ...")
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        apt = debian_engine.Apt(Path(directory, "apt"), SUITE)
        apt.update("deb-src")
        apt.run("source", "--download-only", PACKAGE, cwd=Path(directory))
        path = Path(directory, ARCHIVE)
        if (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != SHA256:
            raise report.SetupError(
                f"{ARCHIVE} is not the one that tools/cross/wepoll.py pins: look why, then pin {digest}"
            )
        with tarfile.open(path) as archive:
            members = {name.split("/wepoll/")[1]: name for name in archive.getnames() if "/wepoll/" in name}
            source, license_text = (_read(archive, members[name]) for name in ("wepoll.c", "license.txt"))
    # Windows's own headers are found there in any spelling.
    lower = re.sub(r"#include <\w+\.h>", lambda found: found[0].lower(), source)
    (headers / "wepoll.c").write_text(lower)
    (licenses / "wepoll.txt").write_text(license_text)


def _read(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    assert file is not None
    return file.read().decode()
