"""Makes `.venv`: checks the machine, then installs what requirements.lock pins. Does nothing when .venv is current.

Run by the Makefile with the machine's own Python, hence Python 3.6 syntax until the version has been checked.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from typing import List, Optional

import report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
STAMP = os.path.join(VENV, "ready")  # written last: a .venv without it is half made
MINIMUM = (3, 11)
VENV_BYTES = 400000000


def check_python() -> None:
    """Fail unless this Python can build extension modules and be embedded."""
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < MINIMUM:
        needed = "%d.%d" % MINIMUM
        raise report.SetupError(
            "%s is Python %s, but %s or newer is needed: `make PYTHON=/path/to/python3 ...`"
            % (sys.executable, version, needed)
        )
    if not importlib.util.find_spec("venv") or not importlib.util.find_spec("ensurepip"):
        raise report.SetupError("Python %s has no venv module: `apt install python%s-venv`" % (version, version))
    header = os.path.join(sysconfig.get_path("include"), "Python.h")
    if not os.path.exists(header):
        raise report.SetupError("Python's headers are missing (%s): `apt install python%s-dev`" % (header, version))
    if not shared_library():
        raise report.SetupError(
            "%s has no shared libpython, which the engine loads: `apt install libpython%s`, or a Python that was "
            "built with --enable-shared (`make PYTHON=/path/to/python3 ...`)" % (sys.executable, version)
        )


def shared_library() -> Optional[str]:
    """The path of this Python's libpython, or None when it was built without one."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    if ".so" not in name:
        return None
    directory = sysconfig.get_config_var("LIBDIR") or ""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    for candidate in (os.path.join(directory, name), os.path.join(directory, multiarch, name)):
        if os.path.exists(candidate):
            return candidate
    return None


def check_compiler() -> None:
    """Fail unless the C compiler makes a shared library: it may be there without the C library's headers."""
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        raise report.SetupError("no C compiler (%s): `apt install gcc libc6-dev`, or set CC" % compiler[0])
    with tempfile.TemporaryDirectory() as directory:
        source = os.path.join(directory, "probe.c")
        with open(source, "w") as file:
            file.write('#include <stdio.h>\nint probe(void) { return puts(""); }\n')
        command = [*compiler, "-shared", "-fPIC", "-o", os.path.join(directory, "probe.so"), source]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        if "No space left" in done.stdout:
            raise report.disk_full(tempfile.gettempdir())
        raise report.SetupError("%s cannot build C programs: `apt install gcc libc6-dev`, or set CC" % compiler[0])


def check_disk() -> None:
    """Fail before the work is begun when it cannot fit."""
    if shutil.disk_usage(ROOT).free < VENV_BYTES:
        raise report.disk_full("%s (.venv needs %d MB)" % (ROOT, VENV_BYTES // 1000000))


def state(any_python: bool) -> List[str]:
    """What STAMP holds when .venv is current; without the Python when any that made .venv may stay."""
    with open(LOCK, "rb") as file:
        lines = [VENV, hashlib.sha256(file.read()).hexdigest()]
    return lines if any_python else [*lines, os.path.realpath(sys.executable)]


def is_current(any_python: bool) -> bool:
    """Whether .venv was finished with this lock file (and this Python), here, and its Python is still there."""
    if not os.path.exists(os.path.join(VENV, "bin", "python")):
        return False
    try:
        with open(STAMP) as file:
            stamp = file.read().splitlines()
    except FileNotFoundError:
        return False
    wanted = state(any_python)
    return stamp[: len(wanted)] == wanted and os.path.realpath(os.path.join(VENV, "bin", "python")) == stamp[2]


def make() -> None:
    """Make .venv anew. It cannot be renamed into place (its scripts name it), so the stamp is what completes it."""
    shutil.rmtree(VENV, ignore_errors=True)
    report.progress("setup", "making .venv with Python %s ..." % sys.version.split()[0])
    try:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True, stdout=subprocess.DEVNULL)
        install()
        with open(STAMP, "w") as file:
            file.write("\n".join(state(any_python=False)) + "\n")
    except subprocess.CalledProcessError:
        raise report.SetupError("`%s -m venv` failed, see above" % sys.executable)
    finally:
        if not os.path.exists(STAMP):
            shutil.rmtree(VENV, ignore_errors=True)


def install() -> None:
    """Install the pinned packages. pip's cache would lie outside the clone, so it is off."""
    with open(LOCK) as file:
        count = sum(1 for line in file if "==" in line)
    report.progress("setup", "installing up to %d pinned packages (about 60 MB, once) ..." % count)
    command = [os.path.join(VENV, "bin", "python"), "-m", "pip", "install", "--no-cache-dir", "--require-hashes"]
    command += ["--no-deps", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-r", LOCK]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    output = []
    for line in pip.stdout or ():
        output.append(line.rstrip())
        if line.startswith("Collecting "):
            report.progress("setup", "  " + line.split()[1])
    if pip.wait():
        raise explained("\n".join(output))


def explained(output: str) -> report.SetupError:
    """pip's complaint as one line that says what to do."""
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")] or output.splitlines()[-1:]
    first = " [%s]" % errors[0] if errors else ""
    if "No space left" in output:
        return report.disk_full(ROOT)
    if "HASHES" in output:
        return report.SetupError(
            "a package is not the one that requirements.lock pins: check the package index" + first
        )
    unreachable = (
        "NewConnectionError",
        "ConnectTimeout",
        "ProxyError",
        "ReadTimeout",
        "SSLError",
        "from versions: none",
    )
    if any(sign in output for sign in unreachable):
        return report.SetupError("pip cannot reach its package index: check the network and pip's settings" + first)
    return report.SetupError("pip could not install what requirements.lock pins" + first)


def main() -> int:
    """`bootstrap.py [--keep]`: --keep leaves a current .venv alone whichever Python made it."""
    keep = "--keep" in sys.argv[1:]
    if is_current(keep):
        return 0
    directory = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)  # two runs at once make one .venv
    if not is_current(keep):
        check_python()
        check_compiler()
        check_disk()
        make()
    return 0


if __name__ == "__main__":
    report.run("setup", main)
