cimport cython

cdef extern from *:
    """
    #include "structmember.h"
    /* Where in an object a slot lies, or -1 for any other kind of attribute. */
    static CYTHON_INLINE Py_ssize_t place_of(PyObject *member) {
        if (Py_TYPE(member) != &PyMemberDescr_Type) return -1;
        if (((PyMemberDescrObject *)member)->d_member->type != T_OBJECT_EX) return -1;
        return ((PyMemberDescrObject *)member)->d_member->offset;
    }
    static CYTHON_INLINE PyObject *slot_at(PyObject *one, Py_ssize_t place) {
        PyObject *found = *(PyObject **)((char *)one + place);
        if (found == NULL) PyErr_SetString(PyExc_AttributeError, "the field is unset");
        Py_XINCREF(found);
        return found;
    }
    """
    Py_ssize_t place_of(object member)
    object slot_at(object one, Py_ssize_t place)


@cython.final
cdef class Field:
    cdef readonly object kind, name
    cdef readonly Py_ssize_t place
    cpdef object of(self, object one)
