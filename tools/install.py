"""Puts the built addon into a Godot project, and enables its plugin: `install.py PROJECT`.

Twice is the same as once. The addon that is there already is replaced as a whole, by renaming: a game or an editor that
runs with it keeps its own until it starts again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import project_file
import report

ROOT = Path(__file__).resolve().parent.parent
NAME = "ws_python"
PLUGIN = f"res://addons/{NAME}/plugin.cfg"
HOW = "make install PROJECT=/path/to/the/project"


def project_folder(argument: str) -> Path:
    """The folder of the project that is meant. Raises SetupError where it is none to install into."""
    if not argument:
        raise report.SetupError(f"into which project? `{HOW}`")
    path = Path(argument).expanduser()
    folder = path.parent if path.name == "project.godot" else path
    if not folder.exists():
        raise report.SetupError(f"{folder} does not exist: `{HOW}`")
    if not (folder / "project.godot").is_file():
        raise report.SetupError(f"{folder} is no Godot project, as it has no project.godot: `{HOW}`")
    folder = folder.resolve()
    if folder == ROOT:
        raise report.SetupError(f"{folder} is this project itself, which has the addon already: name another one")
    return folder


def built_addon(root: Path) -> Path:
    """The addon of this clone. Raises SetupError where it is not built."""
    addon = root / "addons" / NAME
    if not list(addon.glob("bin/lib*")) or not list(addon.glob("lib/*/runtime.txt")):
        raise report.SetupError("the addon is not built: run `make build`")
    return addon


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have no other installation into this folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def put(addon: Path, addons: Path) -> None:
    """Put a copy of the addon into the folder `addons`, in the place of what is there by its name."""
    # The engine does not look into folders whose names begin with a dot.
    draft, old, target = addons / f".{NAME}.new", addons / f".{NAME}.old", addons / NAME
    for left in (draft, old):
        _remove(left)  # of a run that was killed
    try:
        _copy(addon, draft)
        if os.path.lexists(target):
            target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            if os.path.lexists(old):
                old.rename(target)
            raise
    finally:
        _remove(draft)
    _remove(old)


def _copy(addon: Path, target: Path) -> None:
    """Copy the addon, but for what an older build has left in lib/. (shutil.copytree would not say why it fails.)"""
    target.mkdir()
    for path in sorted(addon.rglob("*")):
        parts = path.relative_to(addon).parts
        if parts[0] == "lib" and len(parts) > 1 and not (addon / "lib" / parts[1] / "runtime.txt").exists():
            continue
        if path.is_dir():
            target.joinpath(*parts).mkdir()
        else:
            shutil.copy2(path, target.joinpath(*parts))


def _remove(path: Path) -> None:
    """Remove a folder; of a link to one, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def with_plugin(file: Path) -> bytes | None:
    """What a project.godot holds when the plugin is enabled; None if it is already."""
    before = file.read_bytes().decode("utf-8", "surrogateescape")  # as bytes: line ends stay as they are
    try:
        after = project_file.enable_plugin(before, PLUGIN)
    except ValueError as error:
        raise report.SetupError(
            f"{file} cannot be read ({error}): open the project in the editor and save it"
        ) from None
    return None if after == before else after.encode("utf-8", "surrogateescape")


def replace(file: Path, content: bytes) -> None:
    """Write a file anew; whoever reads it meanwhile finds the old one or the new one."""
    file = file.resolve()  # of a link, what it points to
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_bytes(content)
        shutil.copymode(file, draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def list_extension(folder: Path) -> None:
    """Have the engine load the extension when it starts: it looks for new ones only when the editor has scanned."""
    listed, line = folder / ".godot/extension_list.cfg", f"res://addons/{NAME}/{NAME}.gdextension\n"
    listed.parent.mkdir(exist_ok=True)
    before = listed.read_text(encoding="utf-8") if listed.exists() else ""
    if line not in before.splitlines(keepends=True):
        listed.write_text(f"{before.rstrip()}\n{line}".lstrip(), encoding="utf-8")


def editors(folder: Path) -> list[int]:
    """The process ids of editors that have the project open, as far as the system tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if {b"-e", b"--editor"} & {*arguments} and (process / "cwd").resolve() == folder:
                found.append(int(process.name))
        except OSError:  # It has ended, or is somebody else's.
            continue
    return found


def main() -> int:
    folder = project_folder(sys.argv[1])
    addon, addons, settings = built_addon(ROOT), folder / "addons", folder / "project.godot"
    enabled = with_plugin(settings)
    try:
        addons.mkdir(exist_ok=True)
        with locked(addons):
            put(addon, addons)
            list_extension(folder)
            if enabled is not None:
                replace(settings, enabled)
    except (FileExistsError, NotADirectoryError):
        raise report.SetupError(f"{addons} is no folder: rename it and run this again") from None
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise report.SetupError(f"{folder} cannot be written to ({error.strerror}): make it writable") from None
    news = "its plugin was enabled already" if enabled is None else "its plugin is enabled"
    report.progress("install", f"the addon is in {addons / NAME}, {news}")
    if editors(folder):
        report.progress(
            "install", "the editor has this project open: reload it there (Project > Reload Current Project)"
        )
    return 0


if __name__ == "__main__":
    report.run("install", main)
