cimport cython


@cython.final
cdef class Memory:
    cdef bytes secret
    cdef Py_ssize_t size
    cdef readonly dict young, old
    cpdef tuple key(self, str text)
    cpdef object get(self, tuple key)
    cpdef object put(self, tuple key, object found)
