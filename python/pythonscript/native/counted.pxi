# Instances of Python classes that derive from RefCounted: who keeps whom, so that an object lives as long as either side refers
# to it, goes at once with the last reference, and no side's reference waits for the other's.
#
#     BY_ENGINE   Only the engine refers to the object, and counts. It owns the Python instance, attributes and all, by one
#                 Python reference, which free_instance gives back. So it is with a Node, too, as long as that lives.
#     BY_PYTHON   Python code refers to the instance, which owns one reference of the engine's count.
#     BY_BOTH     The engine has made the object and not taken its first reference yet: each owns the other.
#
# Whatever brings an instance to Python says take(). Python's last reference is noticed by __del__, which CPython calls while the
# instance can still be kept: leave() hands it to the engine, or, where that refers to it no longer, ends both.
# Nothing is asked or told when the engine counts, on whatever thread, but for the first time.

cdef extern from "native/counted.h":
    void pythonscript_finalize_again(object)

cdef extern from "Python.h":
    ctypedef int (*visitproc)(PyObject*, void*) noexcept
    ctypedef int (*traverseproc)(PyObject*, visitproc, void*) noexcept
    ctypedef struct TypeObject "PyTypeObject":
        traverseproc tp_traverse
    Py_ssize_t Py_REFCNT(PyObject*)

cdef enum:  # What Object.keeper holds.
    BY_PYTHON = 0
    BY_ENGINE = 1
    BY_BOTH = 2


cdef inline void take(PyObject* instance) noexcept:
    """Python gets hold of an instance; the caller has counted that in already."""
    if (<Object>instance).counted and (<Object>instance).keeper == BY_ENGINE:
        take_from_engine(instance)


cdef void take_from_engine(PyObject* instance) noexcept:
    if call_bool(_reference, (<Object>instance).pointer):  # No when it is being freed: then it stays the engine's.
        pythonscript_finalize_again(<object>instance)
        (<Object>instance).keeper = BY_PYTHON
        Py_DECREF(<object>instance)


cdef void leave(PyObject* instance) noexcept:
    """Python's last reference to an instance is about to go."""
    cdef void* pointer = (<Object>instance).pointer
    (<Object>instance).keeper = BY_ENGINE  # First: from here on another thread may end it.
    Py_INCREF(<object>instance)
    if call_bool(_unreference, pointer):
        with nogil:
            gd.object_destroy(pointer)


cdef inline PyObject* entered(void* instance) noexcept:
    """A new reference to the instance that the engine calls; NULL for NULL."""
    if instance != NULL:
        Py_INCREF(<object><PyObject*>instance)  # The method may free its own node.
        take(<PyObject*>instance)
    return <PyObject*>instance


cdef inline void left(PyObject* instance) noexcept:
    """Gives back what entered() returned."""
    if instance != NULL:
        if (<Object>instance).counted and (<Object>instance).keeper == BY_PYTHON and Py_REFCNT(instance) == 1:
            leave(instance)  # As __del__ would, without the way there.
        Py_DECREF(<object>instance)


cdef void first_reference(PyObject* instance) noexcept:
    """The engine refers to what it made. What __init__ kept of it in Python counts, too."""
    if (<Object>instance).keeper != BY_BOTH:
        return
    if Py_REFCNT(instance) > 1:
        (<Object>instance).keeper = BY_PYTHON
        Py_DECREF(<object>instance)
    else:
        (<Object>instance).keeper = BY_ENGINE
        call_bool(_unreference, (<Object>instance).pointer)


cdef void freed(PyObject* instance) noexcept:
    """The engine's object is no more."""
    (<Object>instance).pointer = NULL
    if (<Object>instance).keeper != BY_PYTHON:
        (<Object>instance).keeper = BY_PYTHON
        Py_DECREF(<object>instance)


cdef traverseproc _traverse = NULL


cdef int traverse(PyObject* instance, visitproc visit, void* argument) noexcept:
    """Python's cycle collector asks what an instance refers to. It has to take what the engine refers to for alive.

    While both sides refer to an instance, the collector is not shown its attributes: so it finds references to them
    that it cannot explain, and leaves them, and what they refer to in turn, the instance too, alone.
    """
    if (<Object>instance).extension and (<Object>instance).counted and (<Object>instance).keeper == BY_PYTHON \
            and (<Object>instance).pointer != NULL and _alive and reference_count((<Object>instance).pointer) > 1:
        return 0
    return _traverse(instance, visit, argument)


cdef int64_t reference_count(void* pointer) noexcept:
    cdef int64_t count = 0
    gd.object_method_bind_ptrcall(_get_reference_count, pointer, NULL, &count)
    return count


_traverse = (<TypeObject*>Object).tp_traverse
(<TypeObject*>Object).tp_traverse = traverse
