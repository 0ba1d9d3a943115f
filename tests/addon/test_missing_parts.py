"""What becomes of a game when a part of the addon is gone: what needs it says so, and all else goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ws_python import Error

from tests.addon.projects import ADDON, RUNTIME, copy_of_addon, make_game, told
from tests.godot_process import GodotProcess, unclean_lines

_OPEN = "0 open"
# By the name that the game says, how what it says begins.
_WHOLE = {
    "listen": "0",
    "host": _OPEN,
    "address": _OPEN,
    "name": "0 ws://bücher.test:",
    "http": "0 ws://game.test:",
    "socks": "0 ws://game.test:",
    "door": "0",
    "unix": _OPEN,
    "secure": "0",
    "system": "0 wss://localhost:",
    "options": "0",
    "wss": _OPEN,
}
_PROXIED = {"name": "does not connect to xn--bcher-kva.test", "http": "does not connect to game.test"}
_NO_SOCKS = {"socks": "does not answer as a SOCKS5 proxy does"}
_DISTRUST = {"system": "the certificate of localhost is not trusted"}
_UNAVAILABLE = str(int(Error.ERR_UNAVAILABLE))
_NO_TLS = dict.fromkeys(("secure", "system", "options", "wss"), _UNAVAILABLE)
_NEEDED = "this needs the Python package {}, which cannot be loaded (No module named '{}')"
_AGAIN = "copy the whole addon folder again"


def _of_connecting(what: str) -> dict[str, str]:
    return dict.fromkeys(("host", "address", "name", "http", "socks", "system", "wss"), what)


def play(folder: Path, *missing: str) -> str:
    """The log of a game whose addon lacks what these patterns match."""
    addon = copy_of_addon(folder / "addon")
    for pattern in missing:
        found = list((addon / RUNTIME).glob(pattern))
        assert found, pattern
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with GodotProcess(["--script", "res://main.gd"], path=make_game(folder / "project", addon)) as engine:
        assert engine.wait(100) == 0, engine.log
        return engine.log


def check(log: str, differs: dict[str, str], says: dict[str, str], errors: list[str]) -> None:
    said = told(log)
    for name, begin in {**_WHOLE, **differs}.items():
        assert said[name].startswith(begin), log
    for name, part in says.items():
        assert part in said[name], log
    lines = unclean_lines(log)
    assert len(lines) == len(errors), log
    for line, part in zip(lines, errors, strict=True):
        assert part in line and _AGAIN in line, line


def test_nothing_is_missing(tmp_path: Path) -> None:
    check(play(tmp_path), {}, {**_PROXIED, **_NO_SOCKS, **_DISTRUST}, [])


def test_no_aiohappyeyeballs(tmp_path: Path) -> None:
    """Clients find nobody by TCP; servers, and Unix sockets, do without."""
    said = f"{_NEEDED.format('aiohappyeyeballs', 'aiohappyeyeballs')}; {_AGAIN}"
    differs = {"host": "0 ws://", "address": "0 ws://", "wss": "0 wss://"}
    check(play(tmp_path, "site-packages/aiohappyeyeballs"), differs, _of_connecting(said), [])


def test_no_idna(tmp_path: Path) -> None:
    said = "connect_to_url: a host name beyond ASCII needs the Python package idna, which cannot be loaded (No module"
    log = play(tmp_path, "site-packages/idna")
    check(log, {"name": _UNAVAILABLE}, {**_NO_SOCKS, **_DISTRUST}, [said])


def test_no_python_socks(tmp_path: Path) -> None:
    said = f"{_NEEDED.format('python-socks', 'python_socks')}; {_AGAIN}"
    check(play(tmp_path, "site-packages/python_socks"), {}, {**_PROXIED, **_DISTRUST, "socks": said}, [])


def test_no_certifi(tmp_path: Path) -> None:
    """It is asked only where a machine names no authorities; what is given is trusted without it."""
    check(play(tmp_path, "site-packages/certifi"), {}, {**_PROXIED, **_NO_SOCKS, **_DISTRUST}, [])


SHIPPED_OPENSSL = pytest.mark.skipif(
    not list((ADDON / RUNTIME).glob("libssl-*")), reason="this Python has an OpenSSL of its own"
)


@pytest.mark.parametrize(
    "missing",
    [
        "python3.*/ssl.pyc",
        pytest.param("python3.*/lib-dynload/_ssl.*", marks=SHIPPED_OPENSSL),
        pytest.param("libssl-*", marks=SHIPPED_OPENSSL),
        pytest.param("libcrypto-*", marks=SHIPPED_OPENSSL),
    ],
    ids=["ssl", "_ssl", "libssl", "libcrypto"],
)
def test_no_tls(tmp_path: Path, missing: str) -> None:
    listens, connects = "listen: TLS cannot be loaded (", "connect_to_url: wss:// needs TLS, which this Python cannot"
    log = play(tmp_path, missing)
    check(log, _NO_TLS, {**_PROXIED, **_NO_SOCKS}, [listens, connects, listens, connects])
