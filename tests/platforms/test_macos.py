"""What is built for macOS, which nothing here can run: both processors are there, and every symbol is to be had."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import platforms
import pytest
from cross import fetch

from tests.platforms.built import folder_of, libraries_of

pytestmark = pytest.mark.platforms

MACOS = platforms.MACOS_UNIVERSAL
PROCESSORS = {"X86_64", "ARM64"}
OPENED: list[Any] = []  # lief's parts are gone when the whole is.


@cache
def parts(path: Path) -> dict[str, Any]:
    """What a universal file consists of, by processor."""
    found = fetch.lief().MachO.parse(path)
    assert found is not None, path
    OPENED.append(found)
    return {each.header.cpu_type.name: each for each in (found.at(index) for index in range(found.size))}


@cache
def system_symbols() -> set[str]:
    """What macOS' own libraries have, as zig knows them."""
    listed = list((fetch.TOOLS / "ziglang/lib/libc/darwin").glob("*.tbd"))
    assert listed
    return {name for path in listed for name in re.findall(r"[_$A-Za-z0-9.]+", path.read_text())}


def exported(path: Path, processor: str) -> set[str]:
    return {str(symbol.name) for symbol in parts(path)[processor].exported_symbols}


OWN = [
    "bin/*.dylib",
    "lib/site-packages/*/*.so",
    "lib/site-packages/*/*/*.so",
]


def own_libraries() -> list[Path]:
    folder = folder_of(MACOS)
    found = [path for pattern in OWN for path in folder.glob(pattern) if "websockets" not in path.parts]
    assert len(found) > 20
    return found


def test_both_processors_are_there() -> None:
    for path in libraries_of(MACOS):
        assert set(parts(path)) == PROCESSORS, path


def test_every_symbol_is_found() -> None:
    python = folder_of(MACOS) / "lib" / MACOS.python_library
    for processor in sorted(PROCESSORS):
        known = system_symbols() | exported(python, processor)
        for path in own_libraries():
            missing = {str(symbol.name) for symbol in parts(path)[processor].imported_symbols} - known
            assert not missing, f"{path.name} ({processor}) needs {missing}"


def test_macos_11_is_enough() -> None:
    for path in own_libraries():
        for part in parts(path).values():
            assert part.build_version.minos[:2] == [11, 0], path


def test_names_and_signatures() -> None:
    for path in own_libraries():
        for processor, part in parts(path).items():
            names = [command.name for command in part.libraries if command.command.name == "ID_DYLIB"]
            assert names == [f"@rpath/{path.name}"], path
            # Without one, no processor of Apple's runs it; the x86_64 one does.
            assert part.has_code_signature or processor == "X86_64", path


def test_what_godot_loads() -> None:
    library = folder_of(MACOS) / "bin" / MACOS.library
    for processor, part in parts(library).items():
        assert "_pythonscript_init" in exported(library, processor)
        needed = {each.name for each in part.libraries if each.command.name == "LOAD_DYLIB"}
        assert needed <= {"/usr/lib/libSystem.B.dylib"}, needed
