cimport cython

cdef int _TABLE, _RARE, _NEW, _TIED, _GONE, _MORE


@cython.final
cdef class Folder:
    cdef object alone
    cdef int[:] fates
    cdef dict rare, more
    @cython.locals(
        total=Py_ssize_t, room=Py_ssize_t, used=Py_ssize_t, k=Py_ssize_t, code="unsigned int", fate=int,
        same=bint, points="unsigned int[:]", c=Py_UCS4,
    )
    cpdef object fold(self, str text)
    cdef int _rare(self, unsigned int code) except -9
    cdef int _learn(self, unsigned int code) except -9
