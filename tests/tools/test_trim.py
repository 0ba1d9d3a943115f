"""Tests of the trimmed runtime: whatever the addon imports is there, soon or late, and what nobody asks for is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import trim

from tests.addon.projects import ADDON, GAME, RUNTIME, make_game
from tests.addon.test_missing_parts import check
from tests.godot_process import GodotProcess
from tests.tools.clones import ROOT
from tests.ws_python.test_layers import imports, sources

STAGED = ADDON / RUNTIME
VERSION = f"python{sysconfig.get_python_version()}"
# What more a game may use than the ways to connect.
MORE = """
	var secret := "a secret of more than 32 characters"
	var token := server.sign_token(secret, {"sub": "ada"}, 60.0)
	print("token: ", server.verify_token(secret, token).sub)
	print("monitor: ", Performance.has_custom_monitor("WebSocket/operations"))
	print("statistics: ", server.get_statistics().has("success_rate"))
	quit()
"""


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is kept of the runtime of this machine."""
    folder = tmp_path_factory.mktemp("trimmed") / "lib"
    trim.trim(STAGED, folder)
    return folder


def run(trimmed: Path, code: str) -> str:
    """What a program prints that runs with the trimmed runtime, and with nothing else of Python."""
    path = [str(trimmed / each) for each in (VERSION, f"{VERSION}/lib-dynload", "site-packages")]
    program = f"import sys; sys.path[:] = {path}\n{code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept(trimmed: Path) -> dict[str, Path]:
    return trim.Runtime(trimmed).paths


def test_every_module_can_be_imported(trimmed: Path) -> None:
    """So no module that is kept needs one that is not, when it is imported."""
    names = [name for name in kept(trimmed) if not name.startswith("ws_godot")]  # which works in the engine only
    code = f"import importlib, json\nfailed = {{}}\nfor name in {names}:\n"
    code += "    try: importlib.import_module(name)\n"
    code += "    except ImportError as error: failed[name] = f'{error.name}: {error}'\nprint(json.dumps(failed))"
    failed = json.loads(run(trimmed, code).splitlines()[-1])
    failed.pop("encodings.mbcs", None)  # of Windows
    assert failed == {}


def imported_by_our_sources() -> set[str]:
    """Wherever in them, and read in another way than the trimming does."""
    found = {
        name
        for package in trim.OWN
        for source in sources(ROOT / "python", package)
        if source.suffix != ".pyi"
        for module, member in imports(source, ROOT / "python")
        for name in (module, f"{module}.{member}")
    }
    assert {"ssl", "certifi", "idna", "python_socks.async_.asyncio", "aiohappyeyeballs", "websockets.proxy"} <= found
    return found


def test_what_our_sources_import_is_there(trimmed: Path) -> None:
    staged, there = trim.Runtime(STAGED).paths, kept(trimmed)
    assert {name for name in imported_by_our_sources() if name in staged} <= set(there)


@pytest.mark.parametrize(
    "module",
    [
        "asyncio",
        "ssl",
        "json",
        "logging",
        "zoneinfo",
        "sysconfig",
        "websockets.speedups",
        "idna.uts46data",
        "_strptime",
    ],
)
def test_has_what_is_imported_late(trimmed: Path, module: str) -> None:
    assert run(trimmed, f"import sys, {module}; print({module!r} in sys.modules)").strip() == "True"


def test_zones(trimmed: Path) -> None:
    """The module of how Python was built, which zoneinfo reads, has a name that no code tells."""
    assert run(trimmed, "import zoneinfo; print(zoneinfo.ZoneInfo('UTC'))").strip() == "UTC"


def test_codecs(trimmed: Path) -> None:
    """Python imports a codec by its name, when it is first used."""
    code = (
        "for name in ('idna', 'punycode', 'utf-8-sig', 'utf-16', 'utf-16-le', 'latin-1', 'ascii', 'unicode_escape'):\n"
    )
    code += "    print('abc'.encode(name).decode(name))\nprint('bücher'.encode('idna'), 'ß'.encode('latin1'))"
    assert run(trimmed, code).split() == ["abc"] * 8 + ["b'xn--bcher-kva'", "b'\\xdf'"]


def test_certificates(trimmed: Path) -> None:
    code = (
        "import certifi, ssl; print(ssl.create_default_context(cafile=certifi.where()).cert_store_stats()['x509_ca'])"
    )
    assert int(run(trimmed, code)) > 100


def make_addon(trimmed: Path, folder: Path) -> Path:
    shutil.copytree(ADDON, folder, copy_function=os.link, ignore=shutil.ignore_patterns("lib"))
    shutil.copytree(trimmed, folder / RUNTIME, copy_function=os.link)
    return folder


def test_a_game_does_all_that_it_did(trimmed: Path, tmp_path: Path) -> None:
    """By each way there is to connect, in the engine."""
    addon = make_addon(trimmed, tmp_path / "addon")
    project = make_game(tmp_path / "project", addon, GAME.replace("\n\tquit()\n", MORE, 1))
    with GodotProcess(["--script", "res://main.gd"], path=project) as engine:
        assert engine.wait(100) == 0, engine.log
        log = engine.log
    more = {"token": "ada", "monitor": "true", "statistics": "true"}
    check(log, more, {"socks": "does not answer as a SOCKS5 proxy does"}, [])


def test_the_place_of_an_error_is_the_same(trimmed: Path, tmp_path: Path) -> None:
    """Modules without a source know themselves by other paths."""
    project = make_game(tmp_path / "project", make_addon(trimmed, tmp_path / "addon"), "extends SceneTree\n")
    with (project / "project.godot").open("a") as file:
        file.write('[python]\nmodules=PackedStringArray("res://missing.py")\n')
    with GodotProcess(["--script", "res://main.gd", "--quit"], path=project) as engine:
        engine.wait_for(r"ERROR: .* res://missing\.py does not exist: correct the project setting", 60)
        engine.wait_for(r"at: <module> \(res://missing\.py:0\)")


def test_holds_byte_code_only(trimmed: Path) -> None:
    names = [path.name for path in trimmed.rglob("*")]
    assert [name for name in names if name.endswith((".py", ".pyi", "py.typed")) or name == "__pycache__"] == []
    assert "cacert.pem" in names


def test_leaves_out_what_nobody_imports(trimmed: Path) -> None:
    staged, there = trim.Runtime(STAGED).paths, kept(trimmed)
    for name in ("websockets.asyncio.server", "websockets.sync.client", "unittest", "mailbox", "tarfile", "argparse"):
        assert name in staged
        assert name not in there
    assert not list(trimmed.rglob("_codecs_jp*"))


def test_keeps_the_licences(trimmed: Path) -> None:
    names = [path.name for path in (STAGED / "licenses").iterdir()]
    assert sorted(path.name for path in (trimmed / "licenses").iterdir()) == sorted(names)
    assert (trimmed / "runtime.txt").read_text() == (STAGED / "runtime.txt").read_text()


def test_is_the_same_each_time(trimmed: Path, tmp_path: Path) -> None:
    """In another process, too, with other strings in it and another order of what has none."""
    command = [sys.executable, str(ROOT / "tools/trim.py"), str(STAGED), str(tmp_path / "again")]
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(trimmed) for path in trimmed.rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()}
    assert [name for name in files if (tmp_path / "again" / name).read_bytes() != (trimmed / name).read_bytes()] == []


class TestImported:
    """What is seen as an import, in a module `a.b` of the package `a`."""

    @pytest.mark.parametrize(
        ("source", "names"),
        [
            ("import x.y as z", {"x", "x.y"}),
            ("from x import y, z as w", {"x", "x.y", "x.z"}),
            ("from . import c", {"a", "a.c"}),
            ("from .c import d", {"a", "a.c", "a.c.d"}),
            ("def f():\n class C:\n  def g(self):\n   import x", {"x"}),
            ("try:\n import x\nexcept ImportError:\n import y", {"x", "y"}),
            ("if __name__ == '__main__':\n import x\nimport y", {"y"}),
            ("if TYPE_CHECKING:\n import x\nelse:\n import y", {"y"}),
            ("import typing\nif typing.TYPE_CHECKING:\n from x import z", {"typing"}),
            ("if not TYPE_CHECKING:\n import x", {"x"}),
        ],
    )
    def test_of_code(self, source: str, names: set[str]) -> None:
        assert set(trim.imported(compile(source, "", "exec"), "a")) == names

    def test_of_cython(self) -> None:
        text = "from x cimport c\ncimport y\nimport m, n\nfrom o import (p,\n  q as r)\n    from . import s\n"
        assert {"m", "n", "o.p", "o.q"} <= set(trim._of_cython(text))


def test_says_why_a_module_is_kept() -> None:
    found = trim.kept(trim.Runtime(STAGED))
    assert list(trim.why(found, "idna.uts46data"))[:2] == ["idna.uts46data", "idna.core"]
