/* What counted.pxi needs of CPython below its public interface. */
#pragma once
#include <Python.h>
#ifdef Py_GIL_DISABLED
#error "The bridge needs a Python with the GIL: build with another one"
#endif

/* Has tp_finalize called once more when the object goes. CPython calls it once in an object's life, notes that in the word
 * before the object, and has a public way to read the note (PyObject_GC_IsFinalized), but none to take it back. */
static inline void pythonscript_finalize_again(PyObject *object) {
	uintptr_t *head = (uintptr_t *)object - 2; /* The collector's PyGC_Head: next, then previous with two flags. */
	head[1] &= ~(uintptr_t)1;
	assert(!PyObject_GC_IsFinalized(object));
}
