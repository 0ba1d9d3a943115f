# cython: language_level=3, embedsignature=False, binding=False
"""The native half of the bridge: one module, in parts of one subject each, in the order in which they build on each other.

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
include "callables.pxi"
include "classes.pxi"
include "lifecycle.pxi"
