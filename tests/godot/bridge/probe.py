"""The node classes that the bridge's suites call: each kind of member, every type both ways, and all that can fail."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from pythonscript import Dictionary, Signal, Vector2, awaited, export, signal
from pythonscript.describe.types import CLASSES
from pythonscript.godot import (
    ClassDB,
    Control,
    Engine,
    Error,
    FileAccess,
    Node,
    Node2D,
    Object,
    RandomNumberGenerator,
    engine_class,
)


def _echo(cls: Any) -> Any:
    def echo(self: Any, value: Any) -> Any:
        return value

    echo.__annotations__ = {"value": cls, "return": cls}
    return echo


class Echo(Node):
    """Returns what it gets: `echo` any value, `echo_Vector2` and so on with the type declared."""

    for _cls in (cls for cls in CLASSES if cls is not None):
        locals()[f"echo_{_cls.__name__}"] = _echo(_cls)
    del _cls

    def echo(self, value: Any) -> Any:
        return value

    def in_list(self, value: Any) -> Any:
        return [value]

    def as_key(self, key: Any) -> Any:
        return {key: "value"}

    def describe(self, value: Any) -> str:
        return f"{type(value).__name__} {value!r}"

    def rebuilt(self, value: Any) -> Any:
        """The same container, made anew from a Python list or dict."""
        if isinstance(value, Dictionary):
            return {key: self.rebuilt(item) for key, item in value.items()}
        return [self.rebuilt(item) for item in value] if hasattr(value, "push_back") else value

    def constant(self, name: str) -> Any:
        return {
            "nul": "a\0b",
            "surrogate": "\ud800",
            "beyond": "\U0001f600",
            "min": -(2**63),
            "max": 2**63 - 1,
            "nan": float("nan"),
            "inf": float("inf"),
            "bytearray": bytearray(b"\0\xff"),
            "memoryview": memoryview(b"abcd")[::2].tobytes(),
            "tuple": (1, 2.0, True),
            "keys": {1: "int", 1.5: "float", "1": "str", None: "null"},
            "enum": Error.ERR_BUSY,
        }[name]

    def refused(self, name: str) -> Any:
        own: list[Any] = []
        own.append(own)
        own_dict: dict[str, Any] = {}
        own_dict["self"] = own_dict
        return {
            "set": {1},
            "big": 2**63,
            "own list": own,
            "own dict": own_dict,
            "set in list": [1, "two", {3}],
            "set in dict": {"a": "b", "c": {3}},
        }[name]


class Late(Node):
    """Comes when it is awaited."""

    arrived = signal(late=Object)

    @awaited
    def arrival(self, at_once: Any) -> Late:
        """This node, at once, or when `arrived` is emitted."""
        return self if at_once else self.arrived


class Probe(Node, icon="res://probe.svg"):
    """A node for tests.

    The description, with ``code`` and <angle> brackets.
    """

    class Kind(IntEnum):
        """What kind of probe."""

        KIND_FIRST = 0
        KIND_OTHER = 5

    LIMIT = 12

    happened = signal(what=str, amount=float, by=Object, doc="Something happened.")
    quiet = signal()

    title: str = export("a title", doc="Its title.")
    speed: float = export(1.5, range=(0, 10, 0.5), unit="m/s", group="Motion", doc="How fast.")
    turns: int = export(3, range=(-5, 5))
    kind: Kind = export(Kind.KIND_OTHER, subgroup="Details")
    names: list[str] = export(["x"])
    table: dict[str, Any] = export({})
    target: Node | None = export(None)
    data: bytes = export(b"")
    position: Vector2 = export(Vector2(1.0, 2.0), group="Place")

    def _note_mood(self) -> None:
        self.log.append(f"mood {self.mood}")

    mood: str = export("calm", changed=_note_mood)

    def __init__(self) -> None:
        self.log: list[str] = []
        self._strict = 0

    @property
    def strict(self) -> int:
        """Refuses what is negative."""
        return self._strict

    @strict.setter
    def strict(self, value: int) -> None:
        if value < 0:
            raise ValueError("strict is never negative")
        self._strict = value

    @property
    def read_only(self) -> str:
        """Cannot be set."""
        return "read"

    def add(self, a: int, b: int = 10, c: int = 100) -> int:
        """Adds."""
        return a + b + c

    def kinds(self, kind: Kind = Kind.KIND_OTHER) -> str:
        return f"{type(kind).__name__}.{kind.name}"

    def optional(self, node: Node | None = None) -> bool:
        return node is None

    def takes_node(self, node: Node) -> str:
        return str(node.name)

    def nothing(self) -> None:
        pass

    def error(self) -> Error:
        return Error.ERR_BUSY

    @staticmethod
    def twice(value: float) -> float:
        return value * 2

    def lists(self, names: list[str], table: dict[str, Any]) -> str:
        return f"{type(names).__name__} {type(table).__name__} {names} {sorted(table)}"

    def get_log(self) -> list[str]:
        return self.log

    def emit_happened(self, what: str, amount: float) -> None:
        self.happened.emit(what, amount, self)

    def emit_wrongly(self) -> None:
        self.happened.emit("too few")

    def overridden(self) -> str:
        return "Probe"

    def free_myself(self: Any) -> str:
        self.free()
        return "freed"

    def _enter_tree(self) -> None:
        self.log.append("enter_tree")

    def _ready(self) -> None:
        self.log.append("ready")

    def _process(self, delta: float) -> None:
        if "process" not in self.log:
            self.log.append("process")

    def _input(self, event: Any) -> None:
        self.log.append(f"input {type(event).__name__}")

    def _notification(self, what: int) -> None:
        if what == Node.NOTIFICATION_PAUSED:
            self.log.append("paused")


class Derived(Probe):
    """A Python class that derives from a Python class."""

    extra: int = export(7)

    def __init__(self) -> None:
        super().__init__()
        self.log.append("derived")

    def overridden(self) -> str:
        return f"Derived of {super().overridden()}"

    def _ready(self) -> None:
        super()._ready()
        self.log.append("derived ready")


class Panel2(Control):
    """A Control: it is of use only once the engine has told it that it is whole."""

    def _get_minimum_size(self) -> Vector2:
        return Vector2(30.0, 40.0)

    def made_here(self) -> Control:
        return Panel2()

    def engine_made_here(self) -> Control:
        return Control()


class Objects(Node):
    """Uses engine objects from Python."""

    def __init__(self) -> None:
        self.kept: Any = None

    def keep(self, value: Any) -> None:
        self.kept = value

    def get_kept(self) -> Any:
        return self.kept

    def use_kept(self) -> str:
        return str(self.kept.get_class())

    def kept_state(self) -> str:
        return f"{self.kept.is_instance_valid()} {self.kept!r}"

    def same(self, a: Object, b: Object) -> bool:
        return a == b and hash(a) == hash(b) and a is not None

    def work(self) -> list[Any]:
        node = Node2D()
        node.name = "Worker"
        node.position = Vector2(3.0, 4.0)
        node.position += Vector2(1.0, 1.0)
        node.add_to_group("workers")
        self.add_child(node)
        found = self.get_node("Worker")
        result = [str(node.name), node.position, node.is_in_group("workers"), found == node, node.get_parent() is self,
                  Node.PROCESS_MODE_ALWAYS, node.PROCESS_MODE_ALWAYS, isinstance(node, Node), isinstance(self, Node),
                  type(node).__name__, isinstance(node.ready, Signal)]  # fmt: skip
        node.queue_free()
        return result

    def singletons(self) -> list[Any]:
        return [
            Engine.get_version_info()["major"],
            ClassDB.class_exists("Objects"),
            FileAccess.file_exists("res://probe.py"),
        ]

    def references(self, times: int) -> int:
        """The reference count of a RandomNumberGenerator after it went back and forth."""
        generator = RandomNumberGenerator()
        for _ in range(times):
            self.set_meta("generator", generator)
            generator = self.get_meta("generator")
        self.remove_meta("generator")
        return int(generator.get_reference_count())

    def make_reference(self) -> RandomNumberGenerator:
        return RandomNumberGenerator()

    def make_any_reference(self) -> Any:
        return RandomNumberGenerator()

    def make_node(self) -> Node:
        node = Node()
        node.name = "made"
        return node

    def failing(self, what: str) -> str:
        """What the exception says of an engine call that cannot be."""
        node: Any = Node()
        attempts: dict[str, Callable[[], Any]] = {
            "method": lambda: node.no_such_method(),
            "property": lambda: setattr(node, "no_such_property", 1),
            "type": lambda: node.set_process_priority("text"),
            "value": lambda: setattr(node, "name", {1}),
            "few": lambda: node.get_child(),
            "many": lambda: node.get_parent(1, 2),
            "abstract": lambda: make(engine_class("InputEvent")),
            "constant": lambda: getattr(Node, "NO" + "_SUCH"),
            "name": lambda: getattr(node, "a\0b"),
            "own name": lambda: make(Unregistered),
        }
        try:
            attempts[what]()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        finally:
            node.free()
        return "no exception"


def make(cls: Any) -> Any:
    return cls()


class Unregistered(Node, abstract=True):
    """Not known to Godot."""


class Callables(Node):
    """Passes callables to Godot, and calls those of Godot."""

    changed = signal(value=int)

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self._hook: Callable[..., Any] | None = None

    @property
    def hook(self) -> Callable[..., Any] | None:
        """What may be there, or not."""
        return self._hook

    @hook.setter
    def hook(self, value: Callable[..., Any] | None) -> None:
        self._hook = value

    def has_hook(self) -> bool:
        return self._hook is not None

    def get_calls(self) -> list[Any]:
        return self.calls

    def note(self, value: Any) -> Any:
        self.calls.append(value)
        return ["noted", value]

    def method(self) -> Callable[..., Any]:
        return self.note

    def function(self) -> Callable[..., Any]:
        return lambda *arguments: [len(arguments), *arguments]

    def raising(self) -> Callable[..., Any]:
        def raise_error() -> None:
            raise KeyError("in a callable")

        return raise_error

    def call_it(self, function: Callable[..., Any], value: Any) -> Any:
        return function(value)

    def engine_method(self) -> Callable[..., Any]:
        return self.get_child_count

    def is_same(self, one: Callable[..., Any], other: Callable[..., Any]) -> bool:
        return one == other

    def is_note(self, function: Callable[..., Any]) -> bool:
        return function == self.note

    def connect_note(self, to: Node) -> None:
        to.child_entered_tree.connect(self.note)

    def disconnect_note(self, to: Node) -> None:
        to.child_entered_tree.disconnect(self.note)

    def connect_own(self) -> list[Any]:
        before = self.changed.is_connected(self.note)
        self.changed.connect(self.note)
        result = [before, self.changed.is_connected(self.note)]
        self.changed.emit(5)
        self.changed.disconnect(self.note)
        self.changed.emit(6)
        return result


def _fail(cls: Any) -> Any:
    def fail(self: Any) -> Any:
        raise LookupError("no result")

    fail.__annotations__ = {"return": cls}
    return fail


class Failing(Node):
    """Raises, wherever it can; `fail_Vector2` and so on where that result is declared."""

    for _cls in (cls for cls in CLASSES if cls is not None):
        locals()[f"fail_{_cls.__name__}"] = _fail(_cls)
    del _cls

    value: int = export(1)

    def fails(self) -> int:
        return int(self.deeper()) + 1

    def deeper(self) -> int:
        raise LookupError("not found, and\nmore than that")

    def exits(self) -> None:
        raise SystemExit(3)

    def recurses(self) -> Any:
        return self.recurses()

    def wrong_result(self) -> int:
        return "text"  # type: ignore[return-value]

    def wrong_class(self) -> Node:
        return RandomNumberGenerator()  # type: ignore[return-value]

    def no_object(self) -> Node:
        return "text"  # type: ignore[return-value]

    def error(self) -> Error:
        raise LookupError("no Error")

    def any_value(self) -> Any:
        raise LookupError("no value")

    @property
    def setting(self) -> int:
        raise ArithmeticError("in a getter")

    @setting.setter
    def setting(self, value: int) -> None:
        raise ArithmeticError("in a setter")

    def _ready(self) -> None:
        raise RuntimeError("in a virtual")

    def _notification(self, what: int) -> None:
        if what == Node.NOTIFICATION_PAUSED:
            raise RuntimeError("in a notification")

    def make_unmade(self) -> str:
        try:
            Unmade()
        except ValueError as error:
            return str(error)
        return "no exception"


class Unmade(Node):
    """Cannot be initialised."""

    def __init__(self) -> None:
        raise ValueError("in __init__")

    def still_there(self) -> bool:
        return True


class Threads(Node):
    """Is called from threads of Godot, and has one of Python's."""

    def __init__(self) -> None:
        self.total = 0
        self.lock = threading.Lock()
        self.ticks = 0
        self.stopping = threading.Event()

    def count(self, times: int) -> int:
        for _ in range(times):
            with self.lock:
                self.total += 1
        return self.total

    def wait_for(self, thread: Any) -> int:
        """Waits, inside Python, for a thread of Godot that calls into Python."""
        thread.wait_to_finish()
        return self.total

    def start_ticking(self) -> None:
        self.thread = threading.Thread(target=self._tick)
        self.thread.start()

    def _tick(self) -> None:
        while not self.stopping.wait(0.0001):
            self.ticks += 1

    def get_ticks(self) -> int:
        return self.ticks

    def stop_ticking(self) -> None:
        self.stopping.set()
        self.thread.join()


class Census(Node):
    """Counts what is alive in Python."""

    def objects(self) -> int:
        gc.collect()
        return len(gc.get_objects())
