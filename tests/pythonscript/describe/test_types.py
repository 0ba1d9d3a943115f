"""types.py: Godot's builtin types in Python, as far as they work without an engine; tests/godot/bridge has the rest."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from pythonscript import _bridge, godot
from pythonscript.describe import types
from pythonscript.describe.types import CLASSES

VECTOR_LIKE = [cls for cls in CLASSES if cls is not None and hasattr(cls, "_to_scalars")]
SCALARS = {
    "Vector2": 2, "Vector2i": 2, "Rect2": 4, "Rect2i": 4, "Vector3": 3, "Vector3i": 3, "Transform2D": 6, "Vector4": 4,
    "Vector4i": 4, "Plane": 4, "Quaternion": 4, "AABB": 6, "Basis": 9, "Transform3D": 12, "Projection": 16, "Color": 4,
}  # fmt: skip


def test_there_are_39_types() -> None:
    assert len(CLASSES) == 39
    assert len(set(CLASSES)) == 39


@pytest.mark.parametrize("cls", VECTOR_LIKE, ids=lambda cls: cls.__name__)
def test_scalars_there_and_back(cls: Any) -> None:
    scalars = [float(number) for number in range(1, SCALARS[cls.__name__] + 1)]
    value = cls._from_scalars(scalars)
    assert type(value) is cls
    assert value._to_scalars() == scalars
    assert len(cls()._to_scalars()) == len(scalars), "of the default"


def test_every_vector_like_type_is_tested() -> None:
    assert {cls.__name__ for cls in VECTOR_LIKE} == set(SCALARS)


def test_a_basis_is_stored_in_rows() -> None:
    basis = types.Basis._from_scalars([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    assert basis.x == (1.0, 4.0, 7.0)
    transform = types.Transform3D._from_scalars([float(number) for number in range(12)])
    assert transform.basis.y == (1.0, 4.0, 7.0)
    assert transform.origin == (9.0, 10.0, 11.0)


def test_components_by_name() -> None:
    assert types.Vector2(1.0, 2.0).y == 2.0
    assert types.Color().a == 1.0
    assert types.Quaternion().w == 1.0
    assert types.Transform3D().basis.x == (1.0, 0.0, 0.0)
    assert types.Rect2(types.Vector2(1.0, 2.0), types.Vector2(3.0, 4.0)).size.x == 3.0


@pytest.mark.parametrize(
    ("cls", "size"),
    [
        (types.PackedInt32Array, 4),
        (types.PackedInt64Array, 8),
        (types.PackedFloat32Array, 4),
        (types.PackedFloat64Array, 8),
    ],
)
def test_packed_numbers(cls: Any, size: int) -> None:
    numbers = cls([1, 2])
    assert numbers.itemsize == size
    assert numbers.tolist() == [1, 2]
    assert cls().tolist() == []
    with pytest.raises(OverflowError):
        types.PackedInt32Array([2**31])


def test_packed_floats_are_of_single_precision() -> None:
    assert types.PackedFloat32Array([0.1])[0] == struct.unpack("f", struct.pack("f", 0.1))[0]


def test_names_are_texts() -> None:
    assert types.StringName("a") == "a"
    assert types.NodePath("a/b") == "a/b"
    assert types.RID(5) == 5


@pytest.mark.parametrize(
    "use",
    [
        lambda: types.Array([1]),
        lambda: types.Dictionary({1: 2}),
        lambda: types.Vector2() + types.Vector2(),
        lambda: types.Vector2().length(),
        lambda: _bridge.get_singleton("Engine"),
        lambda: _bridge.print_text("text"),
        lambda: _bridge.print_message("error", "title", "message"),
        lambda: godot.Object(),
    ],
)
def test_outside_of_the_engine_it_is_an_error(use: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError, match="inside of Godot only"):
        use()
