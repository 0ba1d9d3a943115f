"""declare.py: what a Python class says to Godot. Reading one needs no engine; tests/godot/bridge has it registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any

import pytest
from pythonscript import Array, Dictionary, PackedFloat32Array, StringName, Vector2, _bridge, export, signal
from pythonscript.describe import declare
from pythonscript.describe.specs import (
    HINT_ENUM,
    HINT_RANGE,
    USAGE_DEFAULT,
    USAGE_IS_ENUM,
    USAGE_IS_VARIANT,
    ClassSpec,
)
from pythonscript.describe.types import CLASSES, VARIANT
from pythonscript.godot import Object

from tests.pythonscript.engine_classes import Control, Node, RefCounted


@pytest.fixture(autouse=True)
def nothing_noted() -> Iterator[None]:
    declare.forget_noted()
    yield
    declare.forget_noted()


def number(cls: Any) -> int:
    """The Variant type that a Python class stands for."""
    return CLASSES.index(cls)


class Logic:
    """A plain class, which knows no Godot."""

    class Mode(IntEnum):
        MODE_IDLE = 0
        MODE_VERY_BUSY = 3

    mode: Mode = export(Mode.MODE_IDLE)

    def from_logic(self, mode: Mode) -> Mode:
        return mode

    def overridden(self) -> int:
        return 1


class Turret(Logic, Node):
    """Turns.

    And fires.
    """

    MAX = 3
    _HIDDEN = 4
    NAME = "no number"

    fired = signal(at=Node, damage=float, doc="Fired.")
    speed: float = export(1.5, range=(0, 10, 0.25), unit="m/s", group="Motion", prefix="sp", doc="How fast.")
    names: list[str] = export(["a"])
    untyped = export(7)
    last: str = export("", subgroup="More")

    @property
    def angle(self) -> float:
        """The angle."""
        return 0.0

    @property
    def heading(self) -> Vector2:
        return Vector2()

    @heading.setter
    def heading(self, value: Vector2) -> None: ...

    def aim(self, at: Vector2, force: bool = False, by: Node | None = None) -> Any:
        """Aims."""

    def overridden(self) -> int:
        return 2

    def nothing(self) -> None: ...

    def set_last(self, value: str) -> None:
        """A setter of its own."""

    @staticmethod
    def shared(value: int) -> int:
        return value

    def _process(self, delta: float) -> None: ...

    def _private(self) -> None: ...

    def _notification(self, what: int) -> None: ...


@pytest.fixture
def spec() -> ClassSpec:
    return declare.spec_of(Turret)


def test_the_class(spec: ClassSpec) -> None:
    assert (spec.name, spec.parent, spec.doc) == ("Turret", "Node", "Turns.\n\nAnd fires.")
    assert spec.has_notification
    assert not spec.tool
    assert spec.creatable
    assert spec.icon == ""


def test_options() -> None:
    class Tool(Node, icon="res://icon.svg", tool=True, creatable=False): ...

    spec = declare.spec_of(Tool)
    assert (spec.icon, spec.tool, spec.creatable, spec.doc) == ("res://icon.svg", True, False, "")
    assert not spec.has_notification

    class Derived(Tool): ...

    assert declare.spec_of(Derived).tool, "the engine refuses one that is not"


def test_methods(spec: ClassSpec) -> None:
    methods = {method.name: method for method in spec.methods}
    assert {"aim", "from_logic", "overridden", "nothing", "shared", "set_last", "set_speed"} <= set(methods)
    assert not {"_private", "_process", "_notification", "set_angle"} & set(methods)
    aim = methods["aim"]
    assert [(argument.name, argument.type) for argument in aim.arguments] == [
        ("at", number(Vector2)),
        ("force", number(bool)),
        ("by", number(_bridge.Object)),
    ]
    assert (aim.arguments[2].class_name, aim.arguments[2].cls) == ("Node", Node)
    assert aim.defaults == [False, None]
    assert aim.doc == "Aims."
    assert aim.returns is not None
    assert aim.returns.type == VARIANT
    assert methods["nothing"].returns is None
    assert methods["shared"].is_static
    assert methods["overridden"].function(Turret.__new__) == 2
    assert methods["set_last"].doc == "A setter of its own."
    assert methods["get_speed"].is_const


def test_constants_and_enums(spec: ClassSpec) -> None:
    assert set(spec.constants) == {("Mode", "MODE_IDLE", 0), ("Mode", "MODE_VERY_BUSY", 3), ("", "MAX", 3)}


def test_signals(spec: ClassSpec) -> None:
    (fired,) = spec.signals
    assert (fired.name, fired.doc) == ("fired", "Fired.")
    assert [(argument.name, argument.type, argument.class_name) for argument in fired.arguments] == [
        ("at", number(_bridge.Object), "Node"),
        ("damage", number(float), ""),
    ]


def test_properties(spec: ClassSpec) -> None:
    properties = {member.info.name: member for member in spec.properties}
    speed = properties["speed"]
    assert (speed.info.type, speed.info.hint, speed.info.hint_string) == (
        number(float),
        HINT_RANGE,
        "0,10,0.25,suffix:m/s",
    )
    assert (speed.default, speed.group, speed.prefix, speed.doc) == (1.5, "Motion", "sp", "How fast.")
    assert (speed.getter, speed.setter) == ("get_speed", "set_speed")
    assert CLASSES[properties["names"].info.type].__name__ == "PackedStringArray"  # type: ignore[union-attr]
    assert properties["untyped"].info.type == number(int)
    assert properties["last"].subgroup == "More"
    mode = properties["mode"]
    assert (mode.info.hint, mode.info.hint_string, mode.info.class_name) == (
        HINT_ENUM,
        "Idle:0,Very busy:3",
        "Turret.Mode",
    )
    angle, heading = properties["angle"], properties["heading"]
    assert (angle.setter, angle.doc, heading.setter) == ("", "The angle.", "set_heading")
    assert angle.info.usage & USAGE_DEFAULT == 0, "neither shown nor saved"


def test_virtuals_have_the_types_of_the_engine(spec: ClassSpec) -> None:
    ((_, process),) = spec.virtuals
    assert process.name == "_process"
    assert [(argument.name, argument.type) for argument in process.arguments] == [("delta", number(float))]
    assert process.returns is None


def test_a_virtual_that_returns_an_object_declares_its_class() -> None:
    class Tip(Control):
        def _make_custom_tooltip(self, for_text: str) -> Object | None: ...

    ((_, tooltip),) = declare.spec_of(Tip).virtuals
    assert tooltip.returns is not None
    assert (tooltip.returns.type, tooltip.returns.class_name) == (number(_bridge.Object), "Object")


def test_a_derived_class_adds_its_own() -> None:
    class Base(Node):
        """The base."""

        def base(self) -> None: ...

        def _ready(self) -> None: ...

    class Derived(Base):
        def derived(self) -> None: ...

    spec = declare.spec_of(Derived)
    assert spec.parent == "Base"
    assert [method.name for method in spec.methods] == ["derived"]
    assert [method.name for _, method in spec.virtuals] == ["_ready"], "the engine asks each class for all of them"
    assert spec.doc == "", "not that of its parent"


def test_an_abstract_class_is_a_part_of_those_that_derive_from_it() -> None:
    class Part(Node, abstract=True):
        def part(self) -> None: ...

    class Whole(Part):
        def whole(self) -> None: ...

    spec = declare.spec_of(Whole)
    assert spec.parent == "Node"
    assert {method.name for method in spec.methods} == {"part", "whole"}


def test_members_from_outside_of_the_class_body() -> None:
    class Core:
        limit = 5

    class CoreNode(Core, Node, members={"limit": export(5, doc="A limit."), "changed": signal(by=int)}): ...

    spec = declare.spec_of(CoreNode)
    assert [(member.info.name, member.doc) for member in spec.properties] == [("limit", "A limit.")]
    assert [event.name for event in spec.signals] == ["changed"]
    assert isinstance(vars(CoreNode)["changed"], signal)


@pytest.mark.parametrize(
    ("annotation", "kind", "class_name"),
    [
        (int, int, ""),
        (bool, bool, ""),
        (float, float, ""),
        (str, str, ""),
        (bytes, bytes, ""),
        (Vector2, Vector2, ""),
        (StringName, StringName, ""),
        (Array, Array, ""),
        (list, Array, ""),
        (list[Any], Array, ""),
        (list[Vector2], Array, ""),
        (Dictionary, Dictionary, ""),
        (dict[str, int], Dictionary, ""),
        (Mapping[str, Any], Dictionary, ""),
        (PackedFloat32Array, PackedFloat32Array, ""),
        (Object, _bridge.Object, "Object"),
        (Control, _bridge.Object, "Control"),
        (Control | None, _bridge.Object, "Control"),
    ],
)
def test_types(annotation: Any, kind: Any, class_name: str) -> None:
    info = declare.info_of(annotation, "value", "here")
    assert (info.name, info.type, info.class_name) == ("value", number(kind), class_name)


@pytest.mark.parametrize("annotation", [Any, object, int | None, int | str, str | bytes | None])
def test_any_type(annotation: Any) -> None:
    info = declare.info_of(annotation, "value", "here")
    assert info.type == VARIANT
    assert info.usage & USAGE_IS_VARIANT


def test_callables() -> None:
    info = declare.info_of(Callable[[int], str], "value", "here")
    assert CLASSES[info.type].__name__ == "Callable"  # type: ignore[union-attr]


def test_an_enum_of_the_engine() -> None:
    class Error(IntEnum):
        OK = 0
        FAILED = 1

    info = declare.info_of(Error, "", "here")
    assert (info.type, info.class_name, info.usage & USAGE_IS_ENUM) == (number(int), "Error", USAGE_IS_ENUM)
    assert info.convert is not None
    assert info.convert(1) is Error.FAILED
    with pytest.raises(ValueError, match="2"):
        info.convert(2)


@pytest.mark.parametrize("annotation", [set, complex, Iterator, "text"])
def test_no_type_of_godot(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"here: .* is no type that Godot knows"):
        declare.info_of(annotation, "value", "here")


def test_what_cannot_be_a_method() -> None:
    class Keyword(Node):
        def method(self, *, only: int) -> None: ...

    with pytest.raises(TypeError, match=r"Keyword\.method: Godot calls with positional arguments only"):
        declare.spec_of(Keyword)


def test_an_annotation_that_is_not_there_at_run_time() -> None:
    class Unresolved(Node):
        def method(self, value: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"Unresolved\.method: an annotation cannot be resolved at run time .*Missing"):
        declare.spec_of(Unresolved)


def test_a_finalizer_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Token\.__del__: .* write `_notification` for NOTIFICATION_PREDELETE instead"):

        class Token(RefCounted):
            def __del__(self) -> None: ...


def test_a_signal_has_at_most_eight_arguments() -> None:
    arguments: dict[str, Any] = dict.fromkeys("abcdefgh", int)
    signal(**arguments)
    with pytest.raises(TypeError, match="at most 8 arguments"):
        signal(**arguments, more=int)


@pytest.mark.parametrize("default", [[1], {"a": 1}, PackedFloat32Array([1.0])])
def test_each_instance_has_its_own_value(default: Any) -> None:
    class Plain:
        value = export(default)

    one, other = Plain(), Plain()
    assert one.value == default
    assert one.value is one.value
    assert one.value is not other.value
    one.value = 5
    assert (one.value, other.value) == (5, default)


def test_a_range_keeps_its_numbers() -> None:
    declared: Any = export(1, range=(0, 4_294_967_295, 1))
    assert declared.hint_string == "0,4294967295,1"


def test_a_method_that_is_awaited() -> None:
    class Asks(Node):
        @declare.awaited
        def ask(self, what: Any) -> Node:
            return self

        def plain(self) -> None: ...

    assert {method.name: method.is_awaited for method in declare.spec_of(Asks).methods} == {"ask": True, "plain": False}
