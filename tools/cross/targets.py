"""What is made of what when the platforms are built: the targets of SCons, `platforms` and one for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import platforms
import report
from SCons.Script import Action, Environment, Literal  # type: ignore[import-untyped]

from cross import OUTPUT, ROOT, WORK, fetch, linux, python_folder, ready, stage, zig

# Where the CPython of a system comes from.
PROVIDERS = {"linux": linux.build, "windows": ready.build, "macos": ready.build}
OWN = sorted(str(path.relative_to(ROOT)) for path in Path(ROOT, "tools/cross").glob("*.*"))

# A compiled module: its name, the node of its C file, and options of its own for the compiler.
Module = tuple[str, Any, list[str]]


def below(path: Path) -> str:
    """A path as SCons has it, from the clone's folder."""
    return str(path.relative_to(ROOT))


def step(function: Callable[..., object], *arguments: object, says: str | None = None) -> Any:
    """An action of SCons that calls a function; what that raises for the user is one line."""

    def act(target: Any, source: Any, env: Any) -> int:
        try:
            function(*arguments)
        except report.SetupError as error:
            report.progress("cross", f"error: {error}")
            return 1
        return 0

    return Action(act, says)


def add(env: Any, modules: Sequence[Module], macros: dict[str, str], packages: Sequence[str]) -> None:
    """Add the targets. `macros` are the loader's, beside the platform's own; `packages` are files that are staged."""
    linux.check_host()
    tools = env.Command(below(fetch.STAMP), below(fetch.REQUIREMENTS), step(fetch.tools))
    pythons: dict[str, Any] = {}
    for platform in platforms.ALL:
        provider = PROVIDERS[platform.name.split(".")[0]]
        python = pythons[platform.name] = env.Command(
            below(python_folder(platform.name) / "version.txt"),
            [str(Path(provider.__code__.co_filename).relative_to(ROOT)), "tools/cross/fetch.py", tools],
            step(provider, platform, says=f"cross: CPython for {platform.name}"),
        )
        made, folders = [], []
        for target in platform.targets:
            folders.append(WORK / "made" / target)
            made += compile_for(env, platform, target, folders[-1], [tools, python], modules, macros)
        staged = env.Command(
            below(OUTPUT / platform.name / "lib/runtime.txt"),
            [python, made, packages, "requirements.lock", "tools/runtime.py", OWN],
            step(stage.stage, platform, folders, says=f"cross: staging {platform.name}"),
        )
        env.Precious([python, staged])
        env.Alias(platform.name, staged)
    env.Depends(pythons["macos.universal"], pythons["linux.x86_64"])  # It takes pyconfig.h from there.
    env.Precious(tools)
    env.Alias("platforms", [platform.name for platform in platforms.ALL])


def compile_for(
    env: Any,
    platform: platforms.Platform,
    target: str,
    folder: Path,
    first: Sequence[Any],
    modules: Sequence[Module],
    macros: dict[str, str],
) -> list[Any]:
    """Compile and link the modules and the loader into a folder, when what is `first` is there."""
    python = python_folder(platform.name)
    compiler = Environment(
        tools=["gcc", "gnulink"],
        ENV=zig.environment(),
        CCFLAGS=list(zig.FLAGS),
        SHCCFLAGS=["$CCFLAGS"] if platform.is_windows else ["$CCFLAGS", "-fPIC"],
        CPPDEFINES=["MS_WIN64"] if platform.is_windows else [],
        CPPPATH=[below(python / "include"), *env["CPPPATH"][1:]],
        LINKFLAGS=["-s"],
        SHLIBPREFIX="",
        SHLIBSUFFIX="",
        SHOBJSUFFIX=".o",
        SHCCCOMSTR=f"cross: compiling $SOURCE for {target}",
        SHLINKCOMSTR="cross: linking $TARGET",
    )
    # Only now: asked for its version at once by SCons, zig leaves a.o where it runs, if the target is macOS.
    compiler["CC"] = [Literal(part) for part in zig.compiler(target)]
    compiler.Decider("content-timestamp")

    prepared = compiler.Command(
        below(folder / "prepared.txt"), [first[0], "tools/cross/zig.py"], step(zig.prepare, target, folder)
    )

    def compiled(name: str, source: Any, **options: Any) -> Any:
        made = compiler.SharedObject(f"build/cross/objects/{target}/{name}.o", source, **options)
        compiler.Depends(made, first)
        return made

    def linked(name: str, objects: Any, libraries: Sequence[Any] = ()) -> Any:
        options = list(compiler["LINKFLAGS"])
        if platform.feature == "macos":
            options += ["-Wl,-undefined,dynamic_lookup", f"-Wl,-install_name,@rpath/{Path(name).name}"]
        made = compiler.SharedLibrary(f"{below(folder)}/{name}", objects, LINKFLAGS=options, LIBS=libraries)
        compiler.Depends(made, prepared)
        if platform.is_windows:
            compiler.AddPostAction(made, step(stage.forget_time, folder / name))
        return made

    libraries = [compiler.File(below(python / "link/libpython311.a")), "ws2_32"] if platform.is_windows else []
    made = []
    for name, c_file, options in modules:
        objects = compiled(name, c_file, CCFLAGS=[*zig.FLAGS, *options])
        made += linked(f"site-packages/{name.replace('.', '/')}{platform.extension_suffix}", objects, libraries)
    told = {**platform.loader_macros(), **macros}
    defines = [*compiler["CPPDEFINES"], *((name, f'\\"{value}\\"') for name, value in told.items())]
    objects = [
        compiled(f"{name}.{platform.name}", f"python/pythonscript/{name}.c", CPPDEFINES=defines)
        for name in ("pythonscript", "system_windows" if platform.is_windows else "system_posix")
    ]
    return [*made, *linked(f"bin/{platform.library}", objects)]
