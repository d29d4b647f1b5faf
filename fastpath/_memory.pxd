cimport cython


@cython.final
cdef class Memory:
    cdef object keyed
    cdef Py_ssize_t size
    cdef readonly dict young, old
    cpdef bytes key(self, str text)
    cpdef object get(self, bytes key)
    cpdef object put(self, bytes key, object found)
