"""Reads a Python class and says what to register: `export`, `signal`, and a `ClassSpec` of all that it holds.

What counts in a class body: public functions (methods, static methods), `export(...)`, `signal(...)`, properties,
enums, whole numbers in upper case (constants), functions named as a virtual of the engine class, `_notification`,
docstrings. Plain Python classes beside the engine class (`class X(Logic, Node)`) count with it. Annotations give the
types; none means any value.
"""

from __future__ import annotations

import contextlib
import copy
import enum
import inspect
import types as python_types
import typing
from array import array
from collections import ChainMap
from collections.abc import Callable as CallableType
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from pythonscript import _bridge
from pythonscript.describe.specs import (
    HINT_ENUM,
    HINT_RANGE,
    HINT_RESOURCE_TYPE,
    USAGE_DEFAULT,
    USAGE_IS_ENUM,
    USAGE_IS_VARIANT,
    ClassSpec,
    MethodSpec,
    PropertyInfo,
    PropertySpec,
    SignalSpec,
)
from pythonscript.describe.types import (
    CLASSES,
    VARIANT,
    Array,
    Callable,
    Dictionary,
    PackedFloat64Array,
    PackedInt64Array,
    PackedStringArray,
)
from pythonscript.engine import _api

T = TypeVar("T")

_INT = CLASSES.index(int)
_OBJECT = CLASSES.index(_bridge.Object)
_CALLABLE = CLASSES.index(Callable)
_TYPES: dict[Any, int] = {cls: number for number, cls in enumerate(CLASSES) if cls is not None}
_LISTS: dict[Any, Any] = {str: PackedStringArray, int: PackedInt64Array, float: PackedFloat64Array}


class Export(_bridge.StoredValue):
    """The declaration of an exported property; see `export`."""

    def __init__(
        self,
        default: Any,
        type: Any,
        doc: str,
        group: str | None,
        subgroup: str | None,
        prefix: str,
        hint: int,
        hint_string: str,
        changed: CallableType[[Any], object] | None,
    ) -> None:
        self.default, self.type, self.doc = default, type, doc
        self.group, self.subgroup, self.prefix = group, subgroup, prefix
        self.hint, self.hint_string = hint, hint_string
        self.changed = changed
        self.name = ""

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name

    def _first_value(self) -> Any:
        """The default; of one that can be changed, each instance has its own."""
        if isinstance(self.default, (Array, Dictionary)):
            return _bridge.VariantMethod.of(self.default, "duplicate")(True)
        return copy.copy(self.default) if isinstance(self.default, (list, dict, array)) else self.default


def export(
    default: T,
    *,
    type: Any = None,
    range: tuple[float, ...] | None = None,
    unit: str = "",
    doc: str = "",
    group: str | None = None,
    subgroup: str | None = None,
    prefix: str = "",
    hint: int = 0,
    hint_string: str = "",
    changed: CallableType[[Any], object] | None = None,
) -> T:
    """Declares an exported property in a class body: shown in the Inspector, saved with the scene.

    `default` is its value at first; the annotation or `type` gives its type. `range` is (minimum, maximum) or
    (minimum, maximum, step), `unit` its suffix in the Inspector; `group`/`subgroup` start one there, whose labels leave
    out `prefix`: the names of all properties in it must begin with that. `hint` and `hint_string` are Godot's
    PropertyHint where more is wanted. `changed`, a function of the class that stands above, is called whenever a value
    was assigned.
    """
    if range is not None:
        hint, hint_string = (
            HINT_RANGE,
            ",".join([f"{number:.15g}" for number in range] + [f"suffix:{unit}"] * bool(unit)),
        )
    # What type checkers see is what reading the attribute of an instance gives.
    return cast(T, Export(default, type, doc, group, subgroup, prefix, hint, hint_string, changed))


class signal:
    """A signal with named, typed arguments: `hit = signal(by=Object, damage=int)`, then `self.hit.emit(node, 2)`."""

    def __init__(self, *, doc: str = "", **arguments: Any) -> None:
        if len(arguments) > _bridge.MAX_SIGNAL_ARGUMENTS:
            raise TypeError(f"a signal has at most {_bridge.MAX_SIGNAL_ARGUMENTS} arguments: pass a Dictionary instead")
        self.doc, self.arguments = doc, arguments
        self.name = ""

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        bound = instance.__dict__[self.name] = _bridge.BoundSignal.of(instance, self.name, len(self.arguments))
        return bound


F = TypeVar("F", bound=CallableType[..., Any])
_awaited: set[Any] = set()


def awaited(function: F) -> F:
    """Declares a method that GDScript calls with `await`.

    It returns a signal of one argument, for which GDScript waits then, or at once what that would bring; annotated is
    the type of that, so that `var reply := await node.method()` is typed. The signal's object has to live until then.
    The method needs an argument of any type: otherwise typed GDScript would ask for the annotated type itself.
    """
    _awaited.add(function)
    return function


_noted: list[type] = []
_specs: dict[str, ClassSpec] = {}
_enum_names: dict[type, str] = {}


def note(
    cls: type,
    icon: str = "",
    tool: bool = False,
    creatable: bool = True,
    members: dict[str, Export | signal] | None = None,
    shortcuts: dict[str, object] | None = None,
) -> None:
    """Notes a class for registration, in the order of definition.

    `icon` is a res:// path. `tool`, as GDScript's @tool: the class is at work in the editor, too, with all its methods,
    virtuals and notifications, and so are all that derive from it, for the engine refuses others; any other shows there
    as a placeholder, which keeps its properties and does nothing. The editor makes an instance of each tool class when
    it starts, to read its defaults; `Engine.is_editor_hint()` and `is_part_of_edited_scene()` tell where an instance
    is. One that is not `creatable` is not offered in the Create New Node dialog, as Godot's virtual classes.

    `members` are exports and signals that are not in the class body, such as those of a plain base class: a signal
    becomes an attribute of the class, an export describes an attribute that is there. `shortcuts` are ways past Python
    for methods and virtuals by their names, see _bridge.pxd.
    """
    if getattr(cls, "__del__", None) is not getattr(_bridge.Object, "__del__", None):
        raise TypeError(
            f"{cls.__name__}.__del__: Python may let go of an instance more than once while the engine keeps it; "
            "write `_notification` for NOTIFICATION_PREDELETE instead"
        )
    for name, member in (members or {}).items():
        member.name = name
        if isinstance(member, signal):
            setattr(cls, name, member)
    cls.__pythonscript__ = {  # type: ignore[attr-defined]
        "icon": icon,
        "tool": tool,
        "creatable": creatable,
        "members": members or {},
        "shortcuts": shortcuts or {},
    }
    _noted.append(cls)


def register_noted() -> list[Exception]:
    """Registers with the engine what was noted since the last call; what is wrong with the classes that cannot be."""
    errors: list[Exception] = []
    while _noted:
        try:
            _register(_noted.pop(0))
        except Exception as error:
            errors.append(error)
    return errors


def forget_noted() -> None:
    """Drops what was noted: the module that defines it cannot be loaded."""
    _noted.clear()


def _register(cls: type) -> None:
    parent = _parent(cls)
    if "__pythonscript__" in vars(parent) and parent not in [spec.cls for spec in _specs.values()]:
        raise TypeError(f"{cls.__name__}: its parent {parent.__name__} could not be registered")
    if _bridge.get_singleton("ClassDB").class_exists(cls.__name__):
        raise TypeError(f"{cls.__name__}: Godot has a class of that name already, choose another")
    spec = spec_of(cls)
    _bridge.register_class(spec)
    _specs[spec.name] = spec


def registered() -> list[ClassSpec]:
    """What is registered, parents first."""
    return list(_specs.values())


def spec_of(cls: Any) -> ClassSpec:
    """Reads one class."""
    options = cls.__dict__["__pythonscript__"]
    name = cls.__name__
    bases = list(_own_bases(cls))
    doc = next((_doc(base) for base in reversed(bases) if base.__doc__), "")
    spec = ClassSpec(
        cls,
        name,
        _parent(cls).__name__,
        doc,
        options["icon"],
        any(base.__dict__.get("__pythonscript__", {}).get("tool", False) for base in cls.__mro__),
        options["creatable"],
        hasattr(cls, "_notification"),
        options["shortcuts"].get("_notification"),
    )
    own = {key: value for base in bases for key, value in vars(base).items() if key not in options["members"]}
    members = own | options["members"]  # in this order: what is in no group of the Inspector stands above the groups
    for key, value in members.items():
        if isinstance(value, type) and issubclass(value, enum.IntEnum):
            _enum_names[value] = f"{name}.{key}"  # Classes may share an enum by a plain base: each calls it its own.
    for key, value in members.items():
        _read_member(spec, key, value, bases)
    spec.virtuals = [entry for key in dir(cls) if (entry := _virtual(cls, key)) is not None]
    spec.methods += [method for property in spec.properties for method in _accessors(property, spec.methods)]
    return spec


def _doc(documented: Any) -> str:
    """The docstring; inspect.getdoc would take one from an engine class where there is none."""
    return inspect.cleandoc(documented.__doc__ or "")


def _parent(cls: type) -> Any:
    """The nearest base that Godot knows: an engine class, or a class that is registered itself."""
    return next(base for base in cls.__mro__[1:] if base.__dict__.keys() & {"__engine_name__", "__pythonscript__"})


def _own_bases(cls: type) -> Iterator[type]:
    """The class, and the plain and abstract classes that came with it, those first that are overridden."""
    known = _parent(cls).__mro__
    return (base for base in reversed(cls.__mro__) if base not in known)


def _read_member(spec: ClassSpec, name: str, value: Any, bases: list[type]) -> None:
    where = f"{spec.name}.{name}"
    if isinstance(value, type) and issubclass(value, enum.IntEnum):
        spec.constants += [(name, member.name, int(member)) for member in value]
    elif isinstance(value, Export):
        annotation = value.type if value.type is not None else _annotation(bases, name, type(value.default))
        spec.properties.append(_exported(name, value, annotation, where))
    elif isinstance(value, signal):
        arguments = [info_of(kind, argument, where) for argument, kind in value.arguments.items()]
        spec.signals.append(SignalSpec(name, arguments, value.doc))
    elif name.startswith("_"):
        return
    elif name.isupper() and type(value) is int:
        spec.constants.append(("", name, value))
    elif isinstance(value, property):
        hints = _type_hints(value.fget, where, _scope(bases))
        info = info_of(hints.get("return", Any), name, where)
        spec.properties.append(
            PropertySpec(
                replace(info, usage=info.usage & ~USAGE_DEFAULT),
                f"get_{name}",
                f"set_{name}" if value.fset else "",
                doc=_doc(value),
            )
        )
    elif isinstance(value, staticmethod) or hasattr(value, "__code__"):
        method = method_of(name, value, where, _scope(bases))
        spec.methods.append(replace(method, shortcut=spec.cls.__dict__["__pythonscript__"]["shortcuts"].get(name)))


def _scope(bases: list[type]) -> Mapping[str, Any]:
    return ChainMap(*[dict(vars(base)) for base in reversed(bases)])


def _annotation(bases: list[type], name: str, fallback: Any) -> Any:
    for base in reversed(bases):
        hints = typing.get_type_hints(base) if name in vars(base).get("__annotations__", {}) else {}
        if name in hints:
            return hints[name]
    return fallback


def _exported(name: str, value: Export, annotation: Any, where: str) -> PropertySpec:
    info = info_of(annotation, name, where)
    known = None if info.cls is None else _object_class(info.cls)
    if known is not None and any(vars(base).get("__engine_name__") == "Resource" for base in known.__mro__):
        # The Inspector then offers to make and to load one.
        info = replace(info, hint=HINT_RESOURCE_TYPE, hint_string=info.class_name)
    if value.hint:
        info = replace(info, hint=value.hint, hint_string=value.hint_string)
    accessors = f"get_{name}", f"set_{name}"
    return PropertySpec(info, *accessors, value.default, value.group, value.subgroup, value.prefix, value.doc)


def _accessors(property: PropertySpec, methods: list[MethodSpec]) -> Iterator[MethodSpec]:
    """The getter and setter of a property, where the class does not define them itself."""
    name = property.info.name
    plain = replace(property.info, hint=0, hint_string="", usage=property.info.usage | USAGE_DEFAULT)
    defined = {method.name for method in methods}
    if property.getter not in defined:
        yield MethodSpec(property.getter, lambda self: getattr(self, name), [], returns=plain, is_const=True)
    if property.setter and property.setter not in defined:
        arguments = [replace(plain, name="value")]
        # Otherwise the setter is code of the class, which may fail.
        exported = bool(property.info.usage & USAGE_DEFAULT)
        yield MethodSpec(property.setter, lambda self, value: setattr(self, name, value), arguments, is_setter=exported)


def _type_hints(function: Any, where: str, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of a function, evaluated; `scope` are the names of its class, such as enums in it."""
    try:
        with contextlib.suppress(NameError):
            return typing.get_type_hints(function)
        return typing.get_type_hints(function, localns=dict(scope))
    except NameError as error:
        raise TypeError(
            f"{where}: an annotation cannot be resolved at run time ({error}): import that name also at run time"
        ) from error


def method_of(name: str, function: Any, where: str, scope: Mapping[str, Any]) -> MethodSpec:
    """Reads one function of a class that has the names `scope`."""
    is_static = isinstance(function, staticmethod)
    plain = function.__func__ if is_static else function
    hints = _type_hints(plain, where, scope)
    parameters = list(inspect.signature(plain).parameters.values())[0 if is_static else 1 :]
    if any(parameter.kind is not parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
        raise TypeError(f"{where}: Godot calls with positional arguments only: no *, ** or keyword-only parameters")
    arguments = [info_of(hints.get(parameter.name, Any), parameter.name, where) for parameter in parameters]
    returns = hints.get("return", Any)
    return MethodSpec(
        name,
        plain,
        arguments,
        [parameter.default for parameter in parameters if parameter.default is not parameter.empty],
        None if returns is type(None) else info_of(returns, "", where),
        is_static,
        is_awaited=plain in _awaited,
        doc=_doc(plain),
    )


def _virtual(cls: Any, name: str) -> tuple[int, MethodSpec] | None:
    """A function that overrides a virtual of the engine class: its types are the engine's, whatever is annotated.

    Where the engine passes a buffer by pointers, Python takes and returns bytes, see buffers.pxi.
    """
    if not name.startswith("_") or name.startswith("__"):
        return None
    for base in cls.__mro__:
        known = _api.VIRTUALS.get(base.__name__, {}) if getattr(base, "__engine_name__", None) == base.__name__ else {}
        function = getattr(cls, name)
        if name in known and hasattr(function, "__code__"):
            entry = known[name]
            if entry is None:
                raise TypeError(
                    f"{cls.__name__}.{name}: Python cannot be called through it: its arguments are pointers"
                )
            hash_value, returns, arguments = entry
            infos = [PropertyInfo(argument, kind) for argument, kind in arguments]
            shortcut = cls.__dict__["__pythonscript__"]["shortcuts"].get(name)
            method = MethodSpec(
                name, function, infos, returns=_virtual_result(returns), shortcut=shortcut, is_virtual=True
            )
            return hash_value, method
    return None


def _virtual_result(returns: int | str | None) -> PropertyInfo | None:
    if isinstance(returns, str):
        return PropertyInfo("", _INT if returns == "Error" else _OBJECT, class_name=returns)
    return None if returns is None else PropertyInfo("", returns)


def info_of(annotation: Any, name: str, where: str) -> PropertyInfo:
    """The engine's view of one annotated value; TypeError for an annotation that the engine has no type for."""
    origin = typing.get_origin(annotation)
    if annotation in (Any, object, inspect.Parameter.empty):
        return PropertyInfo(name, VARIANT, usage=USAGE_DEFAULT | USAGE_IS_VARIANT)
    if origin in (typing.Union, python_types.UnionType):
        choices = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
        if memoryview in choices:
            return replace(info_of(Any, name, where), takes_views=True)
        info = info_of(choices[0], name, where) if len(choices) == 1 else None
        if info is not None and info.type == _CALLABLE:
            return replace(info, convert=_callable_or_none)
        return info if info is not None and info.type == _OBJECT else info_of(Any, name, where)
    if origin is list or annotation is list:
        packed = _LISTS.get(next(iter(typing.get_args(annotation)), None))
        return PropertyInfo(name, _TYPES[packed] if packed else _TYPES[Array], convert=list)
    plain = origin or annotation
    if isinstance(plain, type) and plain is not Dictionary and issubclass(plain, Mapping):
        return PropertyInfo(name, _TYPES[Dictionary], convert=dict)
    if origin is CallableType or annotation is CallableType:
        return PropertyInfo(name, _CALLABLE)
    if not isinstance(annotation, type):
        raise TypeError(f"{where}: {annotation!r} is no type that Godot knows")
    if issubclass(annotation, enum.IntEnum):
        return _enum_info(annotation, name)
    if annotation in _TYPES and annotation is not _bridge.Object:
        return PropertyInfo(name, _TYPES[annotation])
    known = _object_class(annotation)
    if known is None:
        raise TypeError(f"{where}: {annotation.__name__} is no type that Godot knows: use object for any value")
    return PropertyInfo(name, _OBJECT, known.__name__, cls=annotation)


def _callable_or_none(function: Any) -> Any:
    """None for Godot's empty Callable(), which stands for it."""
    return None if isinstance(function, Callable) and function.is_null() else function


def _enum_info(annotation: type[enum.IntEnum], name: str) -> PropertyInfo:
    known = _enum_names.get(annotation, annotation.__name__ if annotation.__name__ in _api.GLOBAL_ENUMS else "")
    choices = ",".join(
        f"{member.name.removeprefix(_prefix(annotation)).capitalize().replace('_', ' ')}:{int(member)}"
        for member in annotation
    )
    return PropertyInfo(
        name, _INT, known, HINT_ENUM, choices, USAGE_DEFAULT | (USAGE_IS_ENUM if known else 0), _member_of(annotation)
    )


def _member_of(annotation: type[enum.IntEnum]) -> CallableType[[int], enum.IntEnum]:
    members = {int(member): member for member in annotation}

    def convert(value: int) -> enum.IntEnum:
        if value not in members:
            known = ", ".join(f"{member.name} ({number})" for number, member in members.items())
            raise ValueError(f"{value} is none of {known}")
        return members[value]

    return convert


def _prefix(annotation: type[enum.IntEnum]) -> str:
    """What the member names of a Godot-style enum share (`STATUS_IDLE`, `STATUS_ACTIVE`), not for the Inspector."""
    words = [member.name.split("_") for member in annotation]
    return (
        words[0][0] + "_" if len({parts[0] for parts in words}) == 1 and all(len(parts) > 1 for parts in words) else ""
    )


def _object_class(annotation: type) -> type | None:
    """The class of the engine for an annotation: an engine class, a registered one, or one with it as plain base."""
    if issubclass(annotation, _bridge.Object):
        return annotation
    for cls in [spec.cls for spec in _specs.values()] + _noted:
        if issubclass(cls, annotation):
            return cls
    return None
