"""Pythonscript: node classes for Godot 4, written in Python.

    from pythonscript import export, signal
    from pythonscript.godot import Node, Object

    class Turret(Node):
        '''Shown in the editor's help.'''
        fired = signal(target=Object, damage=float)
        speed: float = export(1.5, range=(0, 10), doc="Turns per second.")

        def aim(self, at: Vector2, force: bool = False) -> Error: ...
        def _process(self, delta: float) -> None: ...

A class derives from any class of the engine that can be made. A node lives until it is freed; an instance of a
RefCounted, such as a Resource, as long as GDScript or Python refers to it. A Callable of its method does not count.
With `class Turret(Node, tool=True)` it is at work in the editor, too, as a GDScript with @tool is.
It runs inside the engine only: pythonscript.c starts CPython there. See describe/declare.py for what counts in a class.

An exception that a method lets out is a script error, and the game goes on: the caller gets the default value of the
method's type, such as 0, "" or null, and FAILED for an Error.
"""

from pythonscript._bridge import physics_frames, process_frames
from pythonscript.describe.declare import awaited, export, signal
from pythonscript.describe.types import (
    AABB,
    RID,
    Array,
    Basis,
    Callable,
    Color,
    Dictionary,
    NodePath,
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    Plane,
    Projection,
    Quaternion,
    Rect2,
    Rect2i,
    Signal,
    StringName,
    Transform2D,
    Transform3D,
    Vector2,
    Vector2i,
    Vector3,
    Vector3i,
    Vector4,
    Vector4i,
)
from pythonscript.engine.lifecycle import call_at_frame_end, call_at_shutdown

__all__ = [
    "AABB",
    "RID",
    "Array",
    "Basis",
    "Callable",
    "Color",
    "Dictionary",
    "NodePath",
    "PackedColorArray",
    "PackedFloat32Array",
    "PackedFloat64Array",
    "PackedInt32Array",
    "PackedInt64Array",
    "PackedStringArray",
    "PackedVector2Array",
    "PackedVector3Array",
    "PackedVector4Array",
    "Plane",
    "Projection",
    "Quaternion",
    "Rect2",
    "Rect2i",
    "Signal",
    "StringName",
    "Transform2D",
    "Transform3D",
    "Vector2",
    "Vector2i",
    "Vector3",
    "Vector3i",
    "Vector4",
    "Vector4i",
    "awaited",
    "call_at_frame_end",
    "call_at_shutdown",
    "export",
    "physics_frames",
    "process_frames",
    "signal",
]
