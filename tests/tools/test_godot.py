"""Tests of tools/godot: which engine it chooses, how it runs it, and how it says that it cannot."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tools.clones import NO_NETWORK, ROOT, Clone, fake_engine, one_line, only_these_programs

needs_apt = pytest.mark.skipif(
    not shutil.which("apt-get") or not Path("/etc/debian_version").exists(), reason="not a Debian machine"
)


def which(clone: Clone, **env: str) -> str:
    done = clone.run("tools/godot", "--which", env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestChoice:
    def test_the_engine_of_this_project_is_new_enough(self) -> None:
        done = subprocess.run([ROOT / "tools/godot", "--version"], capture_output=True, text=True, timeout=60)
        version = re.match(r"(\d+)\.(\d+)", done.stdout)
        assert version and (int(version[1]), int(version[2])) >= (4, 4)

    def test_the_variable_comes_first(self, clone: Clone, tmp_path: Path) -> None:
        named = fake_engine(tmp_path / "named", "4.5.stable")
        on_path = fake_engine(tmp_path / "bin/godot", "4.6.stable")
        assert which(clone, GODOT=str(named), PATH=f"{on_path.parent}:{os.environ['PATH']}") == str(named)

    def test_then_the_path(self, clone: Clone, tmp_path: Path) -> None:
        on_path = fake_engine(tmp_path / "bin/godot4", "4.4.1.stable")
        assert which(clone, PATH=f"{on_path.parent}:{os.environ['PATH']}") == str(on_path)

    def test_an_old_one_on_the_path_is_passed_over(self, clone: Clone, tmp_path: Path) -> None:
        fake_engine(tmp_path / "bin/godot", "3.5.2.stable")
        new = fake_engine(tmp_path / "bin/godot4", "4.10.stable")
        done = clone.run("tools/godot", "--which", env={"PATH": f"{new.parent}:{os.environ['PATH']}"})
        assert done.stdout.strip() == str(new)
        assert "passing over" in done.stderr and "3.5.2" in done.stderr

    def test_is_made_once(self, clone: Clone, tmp_path: Path) -> None:
        count = tmp_path / "count"
        engine = fake_engine(tmp_path / "engine", f"4.5; echo x >> {count}")
        for _ in range(3):
            which(clone, GODOT=str(engine))
        assert count.read_text().split() == ["x"]

    def test_is_made_anew_when_the_engine_changes(self, clone: Clone, tmp_path: Path) -> None:
        engine = fake_engine(tmp_path / "engine", "4.5.stable")
        which(clone, GODOT=str(engine))
        fake_engine(engine, "4.1.stable")
        assert "too old" in one_line(clone.run("tools/godot", "--which", env={"GODOT": str(engine)}))


class TestRun:
    def test_the_process_becomes_the_engine(self, clone: Clone, tmp_path: Path) -> None:
        engine = fake_engine(tmp_path / "engine", "4.5", 'echo $$ "$@"')
        with subprocess.Popen(
            [clone.root / "tools/godot", "--path", "a b"],
            env=clone.environment({"GODOT": str(engine)}),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            output, _ = process.communicate(timeout=60)
        assert output.split(" ", 1) == [str(process.pid), "--path a b\n"]

    def test_the_engine_writes_inside_the_clone(self, clone: Clone, tmp_path: Path) -> None:
        engine = fake_engine(tmp_path / "engine", "4.5", 'echo "$XDG_DATA_HOME:$XDG_CONFIG_HOME:$XDG_CACHE_HOME"')
        output = clone.run("tools/godot", "x", env={"GODOT": str(engine)}).stdout.strip()
        for directory in output.split(":"):
            assert Path(directory).is_dir() and Path(directory).is_relative_to(clone.engine_state)

    def test_from_another_directory_and_through_a_link(self, clone: Clone, tmp_path: Path) -> None:
        engine = fake_engine(tmp_path / "engine", "4.5", "echo ran")
        (tmp_path / "link").symlink_to(clone.root / "tools/godot")
        done = clone.run(str(tmp_path / "link"), "x", env={"GODOT": str(engine)})
        assert done.stdout == "ran\n"


class TestErrors:
    def test_the_variable_names_an_old_engine(self, clone: Clone, tmp_path: Path) -> None:
        engine = fake_engine(tmp_path / "engine", "4.3.stable")
        error = one_line(clone.run("tools/godot", "--version", env={"GODOT": str(engine)}))
        assert "4.3.stable, too old" in error and "Godot 4.4 or newer" in error
        assert not (clone.engine_state / "choice").exists()

    @pytest.mark.parametrize("named", ["/nowhere/godot", "no-such-program", "/etc/passwd", "/tmp"])
    def test_the_variable_names_no_engine(self, clone: Clone, named: str) -> None:
        assert "does not run: set GODOT" in one_line(clone.run("tools/godot", "--version", env={"GODOT": named}))

    def test_no_engine_and_no_apt(self, clone: Clone, tmp_path: Path) -> None:
        path = only_these_programs(tmp_path / "bin")
        error = one_line(clone.run("tools/godot", "--version", env={"PATH": path}))
        assert "no apt-get" in error and "set GODOT=" in error


@needs_apt
class TestFetching:
    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        """A PATH with apt and without an engine."""
        return only_these_programs(tmp_path / "bin", "apt-get", "apt-config", "dpkg")

    def test_no_network(self, clone: Clone, path: str) -> None:
        (clone.engine_state / "fetching-killed/prefix").mkdir(parents=True)  # by a run that was killed
        error = one_line(clone.run("tools/godot", "--version", env={"PATH": path, **NO_NETWORK}))
        assert "cannot reach the Debian mirror: check the network" in error
        assert left_behind(clone) == []

    def test_disk_full(self, clone: Clone) -> None:
        done, left = clone.run_on_full_disk("env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "tools/godot", "--version")
        assert "the disk is full: make room" in one_line(done)
        assert ".engine" in left

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_interrupted(self, clone: Clone, path: str, number: signal.Signals) -> None:
        with stalled_proxy() as proxy, fetching(clone, path, proxy) as process, proxy.accept()[0]:
            assert left_behind(clone) != []
            process.send_signal(number)
            assert process.wait(30) != 0
        assert left_behind(clone) == []

    def test_a_second_run_waits(self, clone: Clone, path: str) -> None:
        with stalled_proxy() as proxy, fetching(clone, path, proxy), proxy.accept()[0]:
            second = fetching(clone, path, proxy)
            with second as process:
                assert process.stderr
                assert "waiting for another run" in process.stderr.readline()


def left_behind(clone: Clone) -> list[Path]:
    return [path for path in clone.engine_state.iterdir() if path.is_dir()]


@contextmanager
def stalled_proxy() -> Iterator[socket.socket]:
    """A proxy that takes connections and says nothing: whoever fetches through it waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


@contextmanager
def fetching(clone: Clone, path: str, proxy: socket.socket) -> Iterator[subprocess.Popen[str]]:
    """tools/godot at fetching an engine through the proxy."""
    address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
    env = clone.environment({"PATH": path, **dict.fromkeys(NO_NETWORK, address)})
    command = [str(clone.root / "tools/godot"), "--version"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
