cimport cython

cdef const unsigned char[::1] _DIGITS
cdef int _CHARS, _NONE, _BASE
cdef unsigned long long _MASK
cdef const unsigned char[::1] _VALUES


@cython.final
cdef class Packed:
    cdef readonly bytes form
    cdef bytearray out
    cdef readonly int start
    cdef readonly const unsigned char[::1] blob
    @cython.locals(high="unsigned long long", low="unsigned long long", i="long long", place=int, out=bytearray)
    cpdef str text(self, long long number)
    @cython.locals(raw=bytes, end=int, high="unsigned long long", low="unsigned long long", i=int, code=int, value="unsigned long long", first="long long", last="long long", middle="long long")
    cpdef long long number(self, str name, long long count)
    cdef bint _before(self, long long number, unsigned long long high, unsigned long long low) except? -1
    cdef bint _after(self, long long number, unsigned long long high, unsigned long long low) except? -1
    @cython.locals(bits="unsigned long long", i="long long")
    cdef unsigned long long _half(self, long long at) except? 0
