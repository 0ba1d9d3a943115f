"""Where nothing can be written: a read-only file system, a full disk, no environment. The nodes work all the same.

Each in a mount namespace of its own, where the machine lets a test make one.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from ws_python import Error

from tests.addon.projects import GAME, RUNTIME, copy_of_addon, make_game, told
from tests.addon.test_missing_parts import check
from tests.godot_process import GodotProcess, unclean_lines

NAMESPACE = ("unshare", "-rm", "sh", "-ec")
# Of all that is mounted; what the system mounts itself holds no files.
READ_ONLY = (
    "cut -d ' ' -f 2 /proc/self/mounts | grep -vE '^/(proc|sys|dev)' | while read -r point; do "
    'mount -o remount,bind,ro "$point" 2>/dev/null || true; done; '
    'if touch "$0/written" 2>/dev/null; then exit 77; fi; '
)
# What is left of the space is written full, to the last byte.
FULL = (
    'mount -t tmpfs -o size=64k full "$0/full"; '
    'cat /dev/zero > "$0/full/zeros" 2>/dev/null || true; '
    'if echo more > "$0/full/more" 2>/dev/null && test -s "$0/full/more"; then exit 77; fi; '
)
# Where systems keep whom they trust.
NOBODY = 'for folder in /etc/ssl /etc/pki; do if test -d "$folder"; then mount -t tmpfs none "$folder"; fi; done; '


def _can(setup: str, folder: Path) -> bool:
    """Whether such a namespace can be made here."""
    if not shutil.which("unshare"):
        return False
    command = [*NAMESPACE, f'{setup} exec "$@"', str(folder), "true"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def play(project: Path, setup: str, *before: str, env: dict[str, str] | None = None) -> str:
    """The log of the game, run where `setup` was done to what is mounted."""
    if not _can(setup, project.parent):
        pytest.skip("this machine lets nobody mount such a file system")
    within = [*NAMESPACE, f'{setup} exec "$@"', str(project.parent), *before]
    return log_of(project, within, env)


def log_of(project: Path, within: Sequence[str] = (), env: dict[str, str] | None = None) -> str:
    with GodotProcess(["--script", "res://main.gd"], path=project, within=within, env=env) as engine:
        assert engine.wait(100) == 0, engine.log
        return engine.log


def test_nothing_is_written_beside_the_addon(tmp_path: Path) -> None:
    addon = copy_of_addon(tmp_path / "addon")
    before = {path: path.stat().st_mtime_ns for path in addon.rglob("*")}
    check(log_of(make_game(tmp_path / "project", addon)), {}, {}, [])
    assert {path: path.stat().st_mtime_ns for path in addon.rglob("*")} == before


def test_a_read_only_file_system(tmp_path: Path) -> None:
    """Neither Python nor TLS needs a file; tls_options are Godot's, whose certificates know files only."""
    check(play(make_game(tmp_path / "project"), READ_ONLY), {}, {}, [])


@pytest.mark.parametrize(("setup", "folder"), [(READ_ONLY, ""), (FULL, "full/")], ids=["read-only", "full"])
def test_a_unix_socket_where_none_can_be_made(tmp_path: Path, setup: str, folder: str) -> None:
    path = f"unix:{tmp_path}/{folder}x"
    script = GAME.replace('"unix:@ws_python-%d" % OS.get_process_id()', f'"{path}"')
    (tmp_path / "full").mkdir()
    log = play(make_game(tmp_path / "p", script=script), setup)
    said = told(log)
    assert (said["listen"], said["wss"]) == ("0", "0 open")
    lines = unclean_lines(log)
    if setup == FULL and said["door"] == "0":  # A tmpfs may have room for a name all the same.
        assert said["unix"] == "0 open"
        assert not lines
        return
    assert said["door"] == str(int(Error.ERR_CANT_CREATE))
    (line,) = lines
    assert f"listen: cannot listen on {path}: " in line
    assert line.endswith("choose another")


def test_a_full_disk(tmp_path: Path) -> None:
    """That of the player's folders and of temporary files."""
    project = make_game(tmp_path / "project")
    (tmp_path / "full").mkdir()
    full = str(tmp_path / "full")
    names = ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    log = play(project, FULL, "env", *(f"{name}={full}" for name in names))
    check(log, {}, {}, [])


def test_no_environment_at_all(tmp_path: Path) -> None:
    check(log_of(make_game(tmp_path / "project"), ("env", "-i")), {}, {}, [])


def test_a_machine_that_trusts_nobody(tmp_path: Path) -> None:
    """Then certifi says whom to trust; without it, nobody is, which one line tells."""
    check(play(make_game(tmp_path / "project"), NOBODY), {}, {}, [])
    addon = copy_of_addon(tmp_path / "addon")
    shutil.rmtree(addon / RUNTIME / "site-packages/certifi")
    said = (
        "no server will be trusted, as neither this machine nor certifi names authorities (No module named 'certifi')"
    )
    check(play(make_game(tmp_path / "another", addon), NOBODY), {}, {}, [said])
