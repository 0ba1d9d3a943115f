"""Compiles the extension modules of the package ws_python. What is compiled, and all else of it: pyproject.toml."""

import os
import shutil
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PACKAGE = "ws_python"
COMPILATION = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"][PACKAGE]
# A folder with the modules as they were compiled for another platform, see tools/wheels.py: nothing is compiled then.
READY_MADE = os.environ.get("WS_PYTHON_READY_MADE")


def source_of(module: str) -> Path:
    """The Python source of a module that is compiled as it is."""
    return Path("python", *module.split(".")).with_suffix(".py")


def extensions() -> list[Extension]:
    """Every module that is compiled."""
    plain = [source_of(name) for name in COMPILATION["compiled"] if name.startswith(f"{PACKAGE}.")]
    return [
        Extension(
            ".".join(source.relative_to("python").with_suffix("").parts),
            [str(source)],
            include_dirs=COMPILATION["include"],
            define_macros=[("NDEBUG", None)],
        )
        for source in (*sorted(Path("python", PACKAGE).rglob("*.pyx")), *plain)
    ]


class BuildExtensions(build_ext):
    """By Cython to C, and by gcc and clang with the flags of the addon; another compiler has its own."""

    def run(self) -> None:
        """Compile, or take what is ready-made."""
        if READY_MADE:
            # The linker for Windows leaves an import library beside each module, which nobody needs.
            unneeded = shutil.ignore_patterns("*.lib")
            target = Path(self.build_lib, PACKAGE)
            shutil.copytree(Path(READY_MADE, PACKAGE), target, ignore=unneeded, dirs_exist_ok=True)
            return
        from Cython.Build import cythonize

        for extension in self.extensions:
            # In plain Python an annotation promises nothing: what C may rely on stands in a .pxd.
            directives = {"annotation_typing": False} if extension.sources[0].endswith(".py") else {}
            (made,) = cythonize(
                extension,
                build_dir="build/package",
                include_path=["python"],
                language_level=3,
                compiler_directives=directives,
                quiet=True,
            )
            extension.sources = made.sources
        super().run()

    def build_extensions(self) -> None:
        """Compile the C files."""
        if self.compiler.compiler_type == "unix":
            for extension in self.extensions:
                extension.extra_compile_args = [*COMPILATION["flags"], *COMPILATION["faster"].get(extension.name, [])]
        super().build_extensions()


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExtensions},
    options={"build_ext": {"parallel": os.cpu_count()}},
)
