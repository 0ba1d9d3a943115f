"""Engine classes, singletons and global enums by their names: `from pythonscript.godot import Node, Engine, Error`.

Nothing is listed here: a name is looked up in the engine when it is first imported.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pythonscript import _bridge
from pythonscript.describe import declare
from pythonscript.engine import _api


class EngineClass(type):
    """The type of engine classes: their constants and static methods are there under their Godot names."""

    def __getattr__(cls, name: str) -> Any:
        engine_name = getattr(cls, "__engine_name__", None)
        if engine_name is None or name.startswith("_"):
            raise AttributeError(name)
        if name in _classdb().class_get_integer_constant_list(engine_name):
            value = _classdb().class_get_integer_constant(engine_name, name)
            setattr(cls, name, value)  # Not looked up a second time.
            return value
        if _classdb().class_has_method(engine_name, name):
            return lambda *arguments: _classdb().class_call_static(engine_name, name, *arguments)
        raise AttributeError(f"{cls.__name__} has no constant or static method {name}")

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        """Makes an engine object. When its `__init__` raises, nobody has it to free it: it is freed here."""
        instance = cls.__new__(cls, *arguments, **keywords)
        try:
            instance.__init__(*arguments, **keywords)
        except BaseException:
            if not instance.__refcounted__:
                _bridge.VariantMethod.of(instance, "free")()
            raise
        return instance


class EngineProperty:
    """A property of an engine class, so that assigning to it on an instance of a Python class reaches the engine."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._get_property(self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        instance._set_property(self.name, value)


class Object(_bridge.Object, metaclass=EngineClass):
    """Godot's Object: the root of all engine classes and of the classes that are written in Python."""

    __engine_name__ = "Object"
    __refcounted__ = False
    __getattr__ = _bridge.Object._get_missing

    def __init_subclass__(cls, *, engine: bool = False, abstract: bool = False, **options: Any) -> None:
        """A class written in Python is noted for registration; see `declare.note` for the options.

        An `abstract` one is not: it is a part of the classes that derive from it, and Godot does not know it.
        """
        super().__init_subclass__()
        if not engine and not abstract:
            declare.note(cls, **options)


_classes: dict[str, type[Object]] = {"Object": Object}


def _classdb() -> Any:
    return _bridge.get_singleton("ClassDB")


def engine_class(name: str) -> type[Object]:
    """The Python class of an engine class: one for each name, with Python parents as the engine's parents."""
    if name not in _classes:
        classdb = _bridge.get_singleton("ClassDB") if name != "ClassDB" else None
        # A str, not the StringName that the engine returns: it becomes the name of a Python class.
        parent = engine_class(str(classdb.get_parent_class(name)) or "Object") if classdb is not None else Object
        namespace: dict[str, Any] = {"__engine_name__": name, "__module__": __name__}
        if name == "RefCounted":
            namespace["__refcounted__"] = True
        if classdb is not None:
            for entry in classdb.class_get_property_list(name, True):
                if str(entry["name"]).isidentifier():
                    namespace[str(entry["name"])] = EngineProperty(str(entry["name"]))
        _classes[name] = EngineClass(name, (parent,), namespace, engine=True)  # type: ignore[call-arg]
    return _classes[name]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    if name in _api.GLOBAL_ENUMS:
        value: Any = IntEnum(name, _api.GLOBAL_ENUMS[name], module=__name__)  # type: ignore[misc]
    elif _bridge.get_singleton("Engine").has_singleton(name):
        return _bridge.get_singleton(name)  # Not kept: the engine frees it before Python ends.
    elif name in _api.SINGLETONS:
        raise AttributeError(
            f"the engine has no {name} yet while it loads classes: use `godot.{name}` where it is needed"
        )
    elif _classdb().class_exists(name):
        value = engine_class(name)
    else:
        raise AttributeError(f"Godot has no class, singleton or global enum {name}")
    globals()[name] = value
    return value


_bridge.set_class_factory(engine_class)
