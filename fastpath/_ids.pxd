cimport cython

cdef const unsigned char[::1] _DIGITS
cdef int _CHARS


@cython.final
cdef class Packed:
    cdef readonly bytes form
    cdef readonly int start
    cdef readonly const unsigned char[::1] blob
    @cython.locals(high="unsigned long long", low="unsigned long long", i="long long", place=int, out=bytearray)
    cpdef str text(self, long long number)
