"""What is built for Windows: every library finds all that it imports, in what comes along or in the system."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import platforms
import pytest
from cross import fetch

from tests.platforms.built import folder_of, libraries_of

pytestmark = pytest.mark.platforms

WINDOWS = platforms.WINDOWS_X86_64
# What every Windows 10 has.
SYSTEM = re.compile(
    r"(api-ms-win-(crt|core)-[a-z]+-l\d-\d-\d|kernel32|advapi32|bcrypt|crypt32|iphlpapi|ole32|oleaut32|rpcrt4|shell32"
    r"|shlwapi|user32|version|winmm|ws2_32|ntdll|propsys|msvcrt)\.dll",
    re.IGNORECASE,
)


def parsed(path: Path) -> Any:
    library = fetch.lief().PE.parse(path)
    assert library is not None, path
    return library


def exports(path: Path) -> set[str]:
    return {str(entry.name) for entry in parsed(path).get_export().entries}


def test_every_import_is_found() -> None:
    libraries = libraries_of(WINDOWS)
    assert len(libraries) > 50
    top = folder_of(WINDOWS) / "lib"
    exported: dict[Path, set[str]] = {}
    for path in libraries:
        for imported in parsed(path).imports:
            # Beside itself, or loaded already: libpython, with what is beside that.
            beside = [folder / imported.name for folder in (path.parent, top) if (folder / imported.name).exists()]
            if not beside:
                assert SYSTEM.fullmatch(imported.name), f"{path.name} needs {imported.name}"
                continue
            if beside[0] not in exported:
                exported[beside[0]] = exports(beside[0])
            missing = {str(entry.name) for entry in imported.entries if not entry.is_ordinal} - exported[beside[0]]
            assert not missing, f"{path.name} needs {missing} of {imported.name}"


def test_what_godot_loads() -> None:
    library = folder_of(WINDOWS) / "bin" / WINDOWS.library
    assert exports(library) == {"pythonscript_init"}
    assert not any("python" in imported.name for imported in parsed(library).imports)


def test_no_library_tells_when_it_was_made() -> None:
    own = [path for path in libraries_of(WINDOWS) if "ws_python" in path.parts or path.parent.name == "bin"]
    assert len(own) > 10
    assert {parsed(path).header.time_date_stamps for path in own} == {0}
