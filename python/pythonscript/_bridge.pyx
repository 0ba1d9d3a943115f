# cython: language_level=3, embedsignature=False, binding=False
"""The native half of the bridge: one module, in parts of one subject each, in the order in which they build on each other.

    interface.pxi   the engine's C functions (`gd`), types and tables, and how they are loaded
    strings.pxi     str <-> String, StringName, NodePath; names that are kept
    errors.pxi      Python exceptions and messages -> the engine's output
    variants.pxi    values of all 39 types <-> Python; calls of a value's methods; what stays in the engine (Builtin)
    objects.pxi     engine objects as proxies that know whether they were freed; what the bridge itself calls of the engine
    counted.pxi     instances of Python classes that derive from RefCounted: who keeps whom
    callables.pxi   Python callables <-> Callable; signals of an object: emit, connect
    buffers.pxi     virtuals that pass memory by pointers
    classes.pxi     Python classes -> ClassDB: registration, construction, the way of a call to a Python method and back
    lifecycle.pxi   start, frames, shutdown and end, as pythonscript.c and the engine call them

Rules. Every function that the engine calls is `noexcept` and takes the GIL, and its body stands in a `try` that ends in
`report_exception`: no Python exception crosses into the engine. A pointer from the engine is used within the call that brought
it; what is kept is {pointer, instance id} and checked (objects.pxi). "Writes a new X" means that the memory held nothing before.
"""

from pythonscript import _api

include "interface.pxi"
include "strings.pxi"
include "errors.pxi"
include "variants.pxi"
include "objects.pxi"
include "counted.pxi"
include "callables.pxi"
include "buffers.pxi"
include "classes.pxi"
include "lifecycle.pxi"
