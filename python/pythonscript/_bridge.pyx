# cython: language_level=3, embedsignature=False, binding=False
"""The native half of the bridge: one module, in parts of one subject each (native/), in the order in which
they build on each other.

    interface.pxi   the engine's C functions (`gd`), types and tables, and how they are loaded
    strings.pxi     str <-> String, StringName, NodePath; names that are kept
    errors.pxi      Python exceptions and messages -> the engine's output
    variants.pxi    values of all 39 types <-> Python; calls of a value's methods; what stays in the engine (Builtin)
    objects.pxi     engine objects as proxies that know whether they were freed; what the bridge itself calls of the engine
    counted.pxi     instances of Python classes that derive from RefCounted: who keeps whom
    callables.pxi   Python callables <-> Callable; signals of an object: emit, connect
    methods.pxi     the way of a call to a Python method and of its result back
    buffers.pxi     virtuals that pass memory by pointers
    classes.pxi     Python classes -> ClassDB: registration, construction
    callbacks.pxi   every function that the engine calls, and the rule that they keep
    lifecycle.pxi   start and end, the end of a frame, as engine/lifecycle.py asks for them

A pointer from the engine is used within the call that brought it; what is kept is {pointer, instance id} and checked
(objects.pxi). "Writes a new X" means that the memory held nothing before.
"""

from pythonscript.engine import _api

include "native/interface.pxi"
include "native/strings.pxi"
include "native/errors.pxi"
include "native/variants.pxi"
include "native/objects.pxi"
include "native/counted.pxi"
include "native/callables.pxi"
include "native/methods.pxi"
include "native/buffers.pxi"
include "native/classes.pxi"
include "native/callbacks.pxi"
include "native/lifecycle.pxi"
