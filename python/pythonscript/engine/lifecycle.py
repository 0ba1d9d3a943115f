"""The life of the bridge beside the engine's: its modules, what prints where, hooks for frame end and shutdown.

In the engine's order: start → initialize(SCENE) → [initialize(EDITOR)] → frames → shutdown (the main loop has ended,
everything still works) → deinitialize(SCENE).
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from pythonscript import _bridge
from pythonscript.describe import declare, docs
from pythonscript.describe.types import CLASSES, Array
from pythonscript.engine import sockets
from pythonscript.godot import PropertyHint, engine_class

MODULES_SETTING = "python/modules"
"""Project setting: the project's own modules with node classes, as "res://turret.py", in the order to load them."""

_EDITOR_LEVEL = 3  # GDEXTENSION_INITIALIZATION_EDITOR
_LOGGING_FILE = logging.info.__code__.co_filename
_frame_hooks: list[Callable[[], None]] = []
_shutdown_hooks: list[Callable[[], None]] = []


def call_at_frame_end(hook: Callable[[], None]) -> bool:
    """Calls `hook` once, after all `_process` methods of this frame. False, and no call, where Godot < 4.5 cannot.

    On another thread than the main one it may be the next frame.
    """
    _frame_hooks.append(hook)  # First: on another thread the frame may end before request_frame() returns.
    if _bridge.request_frame():
        return True
    _frame_hooks.remove(hook)
    return False


def call_at_shutdown(hook: Callable[[], None]) -> None:
    """Calls `hook` when the main loop has ended and the engine still works: the place to close what outlives a node."""
    _shutdown_hooks.append(hook)


class EngineLogHandler(logging.Handler):
    """Shows Python's log in Godot: errors and warnings as such, the rest as printed lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record."""
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                message += "\n" + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
            if record.levelno >= logging.WARNING:
                kind = "error" if record.levelno >= logging.ERROR else "warning"
                _bridge.print_message(kind, message, "", *_origin(record))
            else:
                _bridge.print_text(message)
        except Exception:
            self.handleError(record)


def _origin(record: logging.LogRecord) -> tuple[str, str, int]:
    """Function, file and line to look at: of the project's module that logged, or of the script that called a package.

    Where no script did, those of the package. A compiled module has no Python frames, and logging takes it for its
    nearest caller that has one, or for itself: then it is the logger's name and no line.
    """
    package: list[str] = getattr(sys.modules.get(record.name), "__path__", [])
    # Byte code without its source, as tools/trim.py makes it, knows its path in site-packages only.
    inside = (*package, f"{record.name.replace('.', '/')}/")
    elsewhere = package and not record.pathname.startswith(inside)
    is_compiled = elsewhere or record.pathname == _LOGGING_FILE
    if not is_compiled and record.pathname.startswith("res://"):
        return record.funcName, record.pathname, record.lineno
    if caller := _calling_script():
        return caller
    return (record.name, "<compiled>", 0) if is_compiled else (record.funcName, record.pathname, record.lineno)


def _calling_script() -> tuple[str, str, int] | None:
    """Function, file and line of the script that runs now. None where none does, or Godot < 4.5 cannot say."""
    engine = _bridge.get_singleton("Engine")
    if engine.has_method("capture_script_backtraces"):
        for backtrace in engine.capture_script_backtraces():
            if backtrace.get_frame_count():
                return backtrace.get_frame_function(0), backtrace.get_frame_file(0), backtrace.get_frame_line(0)
    return None


class EngineStream:
    """sys.stdout and sys.stderr inside Godot: whole lines go to the engine's output."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, error: bool) -> None:
        self._error = error
        self._rest = ""

    def write(self, text: str) -> int:
        """Prints the lines that are complete and keeps the rest."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            _bridge.print_text(line, self._error)
        return len(text)

    def flush(self) -> None:
        """Prints what is left of a line."""
        if self._rest:
            rest, self._rest = self._rest, ""
            _bridge.print_text(rest, self._error)

    def isatty(self) -> bool:
        """Never a terminal."""
        return False


def start(get_proc_address: int, library: int, modules: str) -> bool:
    """Loads the addon's own modules, then the project's, and registers their classes, whichever of them can be.

    Called by pythonscript.c, once, with pointers of the engine's; `modules` are the addon's own, separated by commas.
    Returns whether the addon's own were all loaded.
    """
    _bridge.start(get_proc_address, library, frame, shutdown)
    sys.stdout, sys.stderr = EngineStream(False), EngineStream(True)
    logging.getLogger().addHandler(EngineLogHandler())
    sockets.raise_no_signals()
    with _hidden_environment():
        loaded = [_load(name, importlib.import_module) for name in filter(None, modules.split(","))]
    for path in _project_modules():
        _load(path, import_resource)
    return all(loaded)


@contextmanager
def _hidden_environment() -> Iterator[None]:
    """Shows no environment to what is imported meanwhile. The process keeps it, and os.environ has it again afterwards.

    Packages read settings there (websockets: WEBSOCKETS_*), and a variable of the player's would change or break them.
    """
    # In place, as modules keep the object itself; its methods would unset the variables in the process, too.
    environment: Any = os.environ
    variables = environment._data
    environment._data = {}
    try:
        yield
    finally:
        environment._data = variables


def _load(name: str, load: Callable[[str], Any]) -> bool:
    """Loads one module and registers its classes. What cannot be is told with its place in the module.

    Returns whether it was loaded: if not, none of its classes is there.
    """
    try:
        load(name)
        for wrong in declare.register_noted():
            message = f"A class of the Python module {name} cannot be registered: {wrong}"
            _bridge.print_message("error", message, "", "", name)
        return True
    except ImportError as error:
        declare.forget_noted()
        cure = (
            ""
            if error.path == name  # import_resource has said it.
            else f" (looked in {', '.join(sys.path)}). Its nodes are missing; copy the whole addon folder again, "
            "or correct the import."
        )
        message = f"The Python module {name} cannot be loaded: {error}{cure}"
        _bridge.print_message("error", message, "", *_place(error, name))
    except BaseException as error:  # SystemExit too: a module does not end the engine.
        declare.forget_noted()
        trace = "".join(traceback.format_exception(error)).rstrip()
        title = f"The Python module {name} cannot be loaded: {error}"
        _bridge.print_message("script", title, f"{title}\n{trace}", *_place(error, name))
    return False


def _place(error: BaseException, name: str) -> tuple[str, str, int]:
    """Function, file and line of what has to be corrected: not of Python's import and ours, which came across it."""
    if isinstance(error, SyntaxError) and error.filename:
        return "<module>", error.filename, error.lineno or 0
    importing = (_place.__code__.co_filename, importlib.import_module.__code__.co_filename)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename not in importing and not frame.filename.startswith("<frozen "):
            return frame.name, frame.filename, frame.lineno or 0
    return "<module>", name, 0


def _project_modules() -> list[str]:
    settings = _bridge.get_singleton("ProjectSettings")
    if not settings.has_setting(MODULES_SETTING):
        settings.set_setting(MODULES_SETTING, [])
    settings.set_initial_value(MODULES_SETTING, [])
    settings.set_as_basic(MODULES_SETTING, True)
    settings.add_property_info(
        {
            "name": MODULES_SETTING,
            "type": CLASSES.index(Array),
            "hint": PropertyHint.PROPERTY_HINT_TYPE_STRING,
            # Each item: "type/hint:hint string".
            "hint_string": f"{CLASSES.index(str)}/{PropertyHint.PROPERTY_HINT_FILE:d}:*.py",
        }
    )
    paths = settings.get_setting(MODULES_SETTING)
    if not isinstance(paths, (list, Array)):
        _bridge.print_message("error", f"The project setting {MODULES_SETTING} is no list of paths: correct it", "")
        return []
    return [str(path) for path in paths]


def import_resource(path: str) -> ModuleType:
    """Imports a Python file of the project, from disk or from an exported game's pack, under the name of the file."""
    files: Any = engine_class("FileAccess")
    name = path.rpartition("/")[2].removesuffix(".py")
    if not name.isidentifier() or importlib.util.find_spec(name) is not None:
        raise ImportError(f"{path}: the file needs a name that is a Python identifier and no other module's", path=path)
    if not files.file_exists(path):
        exported = _bridge.get_singleton("OS").has_feature("template")
        cure = (
            "export again, with *.py among the preset's filters to export non-resource files"
            if exported
            else f"correct the project setting {MODULES_SETTING}"
        )
        raise ImportError(f"{path} does not exist: {cure}", path=path)
    module = ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    try:
        exec(compile(files.get_file_as_string(path), path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def initialize(level: int) -> None:
    """A level is up: the EDITOR takes the documentation."""
    if level == _EDITOR_LEVEL:
        for spec in declare.registered():
            _bridge.load_help(docs.class_xml(spec))


def frame() -> None:
    """The end of a frame for which call_at_frame_end was called."""
    hooks = _frame_hooks[:]
    _frame_hooks.clear()
    for hook in hooks:
        _guarded(hook)


def shutdown() -> None:
    """The main loop has ended. Called by the engine, and before the end once more, for Godot < 4.5 which does not."""
    while _shutdown_hooks:
        _guarded(_shutdown_hooks.pop())
    # Before the engine ends its script languages: a lambda of GDScript that goes after that takes the heap with it, in
    # whatever it lies.
    gc.collect()
    _bridge.release_all([value for value in gc.get_objects() if issubclass(type(value), _bridge.Builtin)])


def _guarded(hook: Callable[[], None]) -> None:
    try:
        hook()
    except Exception:
        logging.getLogger("pythonscript").exception("A hook of the engine's main loop failed")


def deinitialize(level: int) -> None:
    """The SCENE level goes down, the last moment with an engine: nothing of Python holds an engine object after it."""
    shutdown()
    gc.collect()
    _bridge.release_all(gc.get_objects())
    sys.stdout.flush()
    sys.stderr.flush()
    logging.getLogger().handlers.clear()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    _bridge.stop()
