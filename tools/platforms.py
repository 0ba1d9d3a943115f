"""The platforms that the addon has native libraries for: what they are called, and what differs between them.

`make build` builds for the machine's own, with the machine's own Python. tools/cross builds for all of them.
"""

from __future__ import annotations

import platform
import sysconfig
from dataclasses import dataclass

# The Python of all that is cross-compiled.
PYTHON = "3.11"


@dataclass(frozen=True)
class Platform:
    """One platform, and the Python that is shipped for it."""

    name: str  # As Godot names system and architecture.
    feature: str  # The key in ws_python.gdextension.
    library_suffix: str
    targets: tuple[str, ...]  # As zig names them; of several, the files are joined into universal ones.
    extension_suffix: str  # Of Python's extension modules.
    python_library: str
    openssl_library: str  # The one of lib-dynload that the loader finds OpenSSL in.
    # Where an export puts the runtime, from the library's folder: what [dependencies] in ws_python.gdextension says.
    exported: str = "pythonscript"
    python: str = PYTHON
    is_windows: bool = False

    @property
    def library(self) -> str:
        """The file in addons/ws_python/bin that Godot loads."""
        return f"libpythonscript.{self.name}{self.library_suffix}"

    @property
    def runtime(self) -> str:
        """The folder of its Python, below addons/ws_python."""
        return f"lib/{self.name}"

    @property
    def python_folder(self) -> str:
        """The folder of the standard library, below that one."""
        return f"python{self.python}"

    def loader_macros(self) -> dict[str, str]:
        """What python/pythonscript/pythonscript.c has to be told of it."""
        return {
            "PLATFORM": self.name,
            "EXPORTED_FOLDER": self.exported,
            "PYTHON_LIBRARY": self.python_library,
            "PYTHON_VERSION_DIR": self.python_folder,
            "OPENSSL_LIBRARY": self.openssl_library,
        }


def _linux(architecture: str, machine: str) -> Platform:
    suffix = f".cpython-{PYTHON.replace('.', '')}-{machine}-linux-gnu.so"
    return Platform(
        name=f"linux.{architecture}",
        feature=f"linux.{architecture}",
        library_suffix=".so",
        targets=(f"{machine}-linux-gnu.2.28",),  # The glibc that Godot's own programs need.
        extension_suffix=suffix,
        python_library=f"libpython{PYTHON}.so.1.0",
        openssl_library=f"_ssl{suffix}",
    )


LINUX_X86_64 = _linux("x86_64", "x86_64")
LINUX_ARM64 = _linux("arm64", "aarch64")
WINDOWS_X86_64 = Platform(
    name="windows.x86_64",
    feature="windows.x86_64",
    library_suffix=".dll",
    targets=("x86_64-windows-gnu",),
    extension_suffix=".cp311-win_amd64.pyd",
    python_library="python311.dll",
    openssl_library="libcrypto-p.dll",
    is_windows=True,
)
MACOS_UNIVERSAL = Platform(
    name="macos.universal",
    feature="macos",
    library_suffix=".dylib",
    targets=("x86_64-macos.11.0", "aarch64-macos.11.0"),
    extension_suffix=".cpython-311-darwin.so",
    python_library="libpython3.11.dylib",
    openssl_library="_ssl.cpython-311-darwin.so",
    # In Contents/Frameworks, the system takes a folder with a dot in its name for a bundle.
    exported="../Resources/pythonscript",
)
ALL = (LINUX_X86_64, LINUX_ARM64, WINDOWS_X86_64, MACOS_UNIVERSAL)


def named(name: str) -> Platform:
    """The platform of that name."""
    return next(each for each in ALL if each.name == name)


def machine() -> Platform:
    """This machine's own platform, with this machine's own Python."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    return Platform(
        name=f"linux.{architecture}",
        feature=f"linux.{architecture}",
        library_suffix=".so",
        targets=(),
        extension_suffix=suffix,
        python_library=str(sysconfig.get_config_var("INSTSONAME")),
        openssl_library=f"_ssl{suffix}",
        python=sysconfig.get_python_version(),
    )
