"""The builtin types of Godot that Python has no equal for: vectors and their kin, containers, packed arrays.

The vector-like types are immutable named tuples: `Vector2(1, 2).x`, `a + b`, `v.length()` and any other method of the
Godot type work; components are what the engine stores, 32-bit floats or integers. `Array` and `Dictionary` are
references to the engine's own, as in GDScript; a Python list or dict passed to Godot becomes a new one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableMapping, MutableSequence
from typing import Any, NamedTuple, Self, overload

from pythonscript import _bridge

_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _NEGATE = 6, 7, 8, 9, 10  # Variant.Operator


class _VectorLike:
    """Operators and methods of the Godot type on a named tuple of its components."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return _bridge.evaluate(_ADD, self, other)

    def __sub__(self, other: Any) -> Any:
        return _bridge.evaluate(_SUBTRACT, self, other)

    def __mul__(self, other: Any) -> Any:
        return _bridge.evaluate(_MULTIPLY, self, other)

    def __rmul__(self, other: Any) -> Any:
        return _bridge.evaluate(_MULTIPLY, other, self)

    def __truediv__(self, other: Any) -> Any:
        return _bridge.evaluate(_DIVIDE, self, other)

    def __neg__(self) -> Any:
        return _bridge.evaluate(_NEGATE, self, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not _bridge.has_builtin_method(self, name):
            raise AttributeError(f"{type(self).__name__} has no member {name}")
        return lambda *arguments: _bridge.call_builtin(self, name, *arguments)

    def _to_scalars(self) -> list[float]:
        scalars: list[float] = []
        for component in self:  # type: ignore[attr-defined]
            if isinstance(component, _VectorLike):
                scalars.extend(component._to_scalars())
            else:
                scalars.append(component)
        return scalars

    @classmethod
    def _from_scalars(cls, scalars: list[float]) -> Self:
        parts = _PARTS.get(cls)
        if parts is None:
            return cls(*scalars)
        values = []
        start = 0
        for part in parts:
            size = _SIZES[part]
            chunk = scalars[start : start + size]
            values.append(chunk[0] if part is float else part._from_scalars(chunk))
            start += size
        return cls(*values)


class _Vector2(NamedTuple):
    x: float = 0.0
    y: float = 0.0


class _Vector3(NamedTuple):
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


class _Vector4(NamedTuple):
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 0.0


class _Vector2i(NamedTuple):
    x: int = 0
    y: int = 0


class _Vector3i(NamedTuple):
    x: int = 0
    y: int = 0
    z: int = 0


class _Vector4i(NamedTuple):
    x: int = 0
    y: int = 0
    z: int = 0
    w: int = 0


class _Quaternion(NamedTuple):
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 1.0


class _Color(NamedTuple):
    r: float = 0.0
    g: float = 0.0
    b: float = 0.0
    a: float = 1.0


class Vector2(_VectorLike, _Vector2):
    """Godot's Vector2: `x`, `y`, 32-bit floats."""

    __slots__ = ()


class Vector2i(_VectorLike, _Vector2i):
    """Godot's Vector2i: `x`, `y`, 32-bit integers."""

    __slots__ = ()


class Vector3(_VectorLike, _Vector3):
    """Godot's Vector3: `x`, `y`, `z`, 32-bit floats."""

    __slots__ = ()


class Vector3i(_VectorLike, _Vector3i):
    """Godot's Vector3i: `x`, `y`, `z`, 32-bit integers."""

    __slots__ = ()


class Vector4(_VectorLike, _Vector4):
    """Godot's Vector4: `x`, `y`, `z`, `w`, 32-bit floats."""

    __slots__ = ()


class Vector4i(_VectorLike, _Vector4i):
    """Godot's Vector4i: `x`, `y`, `z`, `w`, 32-bit integers."""

    __slots__ = ()


class Quaternion(_VectorLike, _Quaternion):
    """Godot's Quaternion: `x`, `y`, `z`, `w`."""

    __slots__ = ()


class Color(_VectorLike, _Color):
    """Godot's Color: `r`, `g`, `b`, `a`, each 0 to 1."""

    __slots__ = ()


class _Rect2(NamedTuple):
    position: Vector2 = Vector2()
    size: Vector2 = Vector2()


class _Rect2i(NamedTuple):
    position: Vector2i = Vector2i()
    size: Vector2i = Vector2i()


class _Plane(NamedTuple):
    normal: Vector3 = Vector3()
    d: float = 0.0


class _AABB(NamedTuple):
    position: Vector3 = Vector3()
    size: Vector3 = Vector3()


class _Transform2D(NamedTuple):
    x: Vector2 = Vector2(1.0, 0.0)
    y: Vector2 = Vector2(0.0, 1.0)
    origin: Vector2 = Vector2()


class _Basis(NamedTuple):
    x: Vector3 = Vector3(1.0, 0.0, 0.0)
    y: Vector3 = Vector3(0.0, 1.0, 0.0)
    z: Vector3 = Vector3(0.0, 0.0, 1.0)


class _Projection(NamedTuple):
    x: Vector4 = Vector4(1.0, 0.0, 0.0, 0.0)
    y: Vector4 = Vector4(0.0, 1.0, 0.0, 0.0)
    z: Vector4 = Vector4(0.0, 0.0, 1.0, 0.0)
    w: Vector4 = Vector4(0.0, 0.0, 0.0, 1.0)


class Rect2(_VectorLike, _Rect2):
    """Godot's Rect2: `position`, `size`."""

    __slots__ = ()


class Rect2i(_VectorLike, _Rect2i):
    """Godot's Rect2i: `position`, `size`."""

    __slots__ = ()


class Plane(_VectorLike, _Plane):
    """Godot's Plane: `normal`, `d`."""

    __slots__ = ()


class AABB(_VectorLike, _AABB):
    """Godot's AABB: `position`, `size`."""

    __slots__ = ()


class Transform2D(_VectorLike, _Transform2D):
    """Godot's Transform2D: the columns `x`, `y`, `origin`."""

    __slots__ = ()


class Basis(_VectorLike, _Basis):
    """Godot's Basis: the columns `x`, `y`, `z`."""

    __slots__ = ()

    def _to_scalars(self) -> list[float]:
        return [self[column][row] for row in range(3) for column in range(3)]  # The engine stores rows.

    @classmethod
    def _from_scalars(cls, scalars: list[float]) -> Self:
        return cls(*(Vector3(*scalars[column::3]) for column in range(3)))


class _Transform3D(NamedTuple):
    basis: Basis = Basis()
    origin: Vector3 = Vector3()


class Transform3D(_VectorLike, _Transform3D):
    """Godot's Transform3D: `basis`, `origin`."""

    __slots__ = ()


class Projection(_VectorLike, _Projection):
    """Godot's Projection: the columns `x`, `y`, `z`, `w`."""

    __slots__ = ()


# Components of the nested types, and their number of scalars in the engine's memory.
_PARTS: dict[type, tuple[Any, ...]] = {
    Rect2: (Vector2, Vector2),
    Rect2i: (Vector2i, Vector2i),
    Plane: (Vector3, float),
    AABB: (Vector3, Vector3),
    Transform2D: (Vector2, Vector2, Vector2),
    Transform3D: (Basis, Vector3),
    Projection: (Vector4, Vector4, Vector4, Vector4),
}
_SIZES: dict[Any, int] = {float: 1, Vector2: 2, Vector2i: 2, Vector3: 3, Vector4: 4, Basis: 9}


class StringName(str):
    """Godot's StringName."""

    __slots__ = ()


class NodePath(str):
    """Godot's NodePath."""

    __slots__ = ()


class RID(int):
    """Godot's RID: a handle of one of the engine's servers."""

    __slots__ = ()


class Callable(_bridge.Builtin):
    """A Callable of the engine. Calling it calls the engine; a Python callable passed to Godot comes back as itself."""

    def __call__(self, *arguments: Any) -> Any:
        """Calls it."""
        return self.call(*arguments)


class Signal(_bridge.Builtin):
    """A Signal of an engine object: `emit(...)`, `connect(callable)`, and whatever else Godot's Signal has."""


class Array(_bridge.Builtin, MutableSequence[Any]):
    """A reference to an Array of the engine, typed arrays included: changing it changes the original."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._assign(_ARRAY, list(items))

    def __len__(self) -> int:
        return int(self.size())

    def _checked(self, index: int) -> int:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"Array index {index} is out of range: it has {len(self)} items")
        return position

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Array: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Array([self[i] for i in range(*index.indices(len(self)))])
        return self._get(self._checked(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._set(self._checked(index), value)

    def __delitem__(self, index: Any) -> None:
        self.remove_at(self._checked(index))

    def insert(self, index: int, value: Any) -> None:
        """Inserts before `index`."""
        _bridge.VariantMethod.of(self, "insert")(index, value)

    def append(self, value: Any) -> None:
        """Adds one item at the end."""
        self.push_back(value)


class Dictionary(_bridge.Builtin, MutableMapping[Any, Any]):
    """A reference to a Dictionary of the engine: changing it changes the original."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, items: Any = ()) -> None:
        self._assign(_DICTIONARY, dict(items))

    def __len__(self) -> int:
        return int(self.size())

    def __contains__(self, key: object) -> bool:
        return bool(self.has(key))

    def __getitem__(self, key: Any) -> Any:
        if key not in self:
            raise KeyError(key)
        return self._get(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._set(key, value)

    def __delitem__(self, key: Any) -> None:
        if not self.erase(key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(_bridge.VariantMethod.of(self, "keys")())


class _PackedNumbers(array):  # type: ignore[type-arg]
    """A packed array of numbers: Python's own array with the engine's item type."""

    typecode_ = ""

    def __new__(cls, items: Iterable[Any] = ()) -> Self:
        return super().__new__(cls, cls.typecode_, items)


class PackedInt32Array(_PackedNumbers):
    """Godot's PackedInt32Array."""

    typecode_ = "i"


class PackedInt64Array(_PackedNumbers):
    """Godot's PackedInt64Array."""

    typecode_ = "q"


class PackedFloat32Array(_PackedNumbers):
    """Godot's PackedFloat32Array."""

    typecode_ = "f"


class PackedFloat64Array(_PackedNumbers):
    """Godot's PackedFloat64Array."""

    typecode_ = "d"


class PackedStringArray(list[str]):
    """Godot's PackedStringArray."""


class PackedVector2Array(list[Vector2]):
    """Godot's PackedVector2Array."""


class PackedVector3Array(list[Vector3]):
    """Godot's PackedVector3Array."""


class PackedVector4Array(list[Vector4]):
    """Godot's PackedVector4Array."""


class PackedColorArray(list[Color]):
    """Godot's PackedColorArray."""


# Variant.Type: the number of each type is its place.
CLASSES: tuple[type | None, ...] = (
    None, bool, int, float, str,
    Vector2, Vector2i, Rect2, Rect2i, Vector3, Vector3i, Transform2D, Vector4, Vector4i, Plane, Quaternion, AABB, Basis,
    Transform3D, Projection, Color, StringName, NodePath, RID, _bridge.Object, Callable, Signal, Dictionary, Array,
    bytes, PackedInt32Array, PackedInt64Array, PackedFloat32Array, PackedFloat64Array, PackedStringArray,
    PackedVector2Array, PackedVector3Array, PackedColorArray, PackedVector4Array,
)  # fmt: skip
_ARRAY = CLASSES.index(Array)
_DICTIONARY = CLASSES.index(Dictionary)
VARIANT = len(CLASSES)
"""Ours: the type of a value that may be of any type."""

_bridge.set_classes({number: cls for number, cls in enumerate(CLASSES) if cls is not None})
