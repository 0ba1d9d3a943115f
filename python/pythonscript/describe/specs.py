"""What the engine has to know of a class: its methods, signals, properties and constants, as data."""

from __future__ import annotations

from collections.abc import Callable as CallableType
from dataclasses import dataclass, field
from typing import Any

USAGE_NONE = 0  # PropertyUsageFlags
USAGE_DEFAULT = 6
USAGE_IS_ENUM = 1 << 16
USAGE_IS_VARIANT = 1 << 17
HINT_RANGE = 1  # PropertyHint
HINT_ENUM = 2
HINT_RESOURCE_TYPE = 17


@dataclass(frozen=True)
class PropertyInfo:
    """One value that the engine knows by name and type: an argument, a result, a property (Godot's PropertyInfo)."""

    name: str
    type: int
    class_name: str = ""
    hint: int = 0
    hint_string: str = ""
    usage: int = USAGE_DEFAULT
    convert: CallableType[[Any], Any] | None = None
    takes_views: bool = False  # A long PackedByteArray comes as a memoryview of the engine's own memory, not as bytes.
    cls: Any = None
    """The class that an Object has to be of."""


@dataclass(frozen=True)
class MethodSpec:
    """One method: `defaults` belong to the last arguments; `returns` is None for no result.

    `is_setter`: it only takes a value; a ValueError or TypeError is the answer to a wrong one and told in one line.
    `is_awaited`: see `declare.awaited`. `shortcut`: what _bridge.pxd calls so; `is_virtual`: it is one of a virtual.
    """

    name: str
    function: CallableType[..., Any]
    arguments: list[PropertyInfo]
    defaults: list[Any] = field(default_factory=list)
    returns: PropertyInfo | None = None
    is_static: bool = False
    is_const: bool = False
    is_setter: bool = False
    is_awaited: bool = False
    doc: str = ""
    shortcut: object | None = None
    is_virtual: bool = False


@dataclass(frozen=True)
class SignalSpec:
    """One signal."""

    name: str
    arguments: list[PropertyInfo]
    doc: str = ""


@dataclass(frozen=True)
class PropertySpec:
    """One property; `setter` is "" for a read-only one. `group` and `subgroup` start one, before this property.

    `prefix` is what the names of the group's properties begin with and their labels in the Inspector leave out.
    """

    info: PropertyInfo
    getter: str
    setter: str
    default: Any = None
    group: str | None = None
    subgroup: str | None = None
    prefix: str = ""
    doc: str = ""


@dataclass
class ClassSpec:
    """One class, ready to be registered."""

    cls: type
    name: str
    parent: str
    doc: str
    icon: str
    tool: bool
    creatable: bool
    has_notification: bool
    notification_shortcut: object | None = None
    constants: list[tuple[str, str, int]] = field(default_factory=list)
    signals: list[SignalSpec] = field(default_factory=list)
    properties: list[PropertySpec] = field(default_factory=list)
    methods: list[MethodSpec] = field(default_factory=list)
    virtuals: list[tuple[int, MethodSpec]] = field(default_factory=list)
