cimport cython

cdef int _TABLE, _SHARED, _PHRASE_WORDS
cdef unsigned int _KNOWN, _LETTER, _ALNUM, _ALPHA, _INNER, _DECIMAL
cdef unsigned int _DIGIT, _MARK, _JAPANESE, _SPACE, _BREAK, _SENTENCE

@cython.locals(code="unsigned int")
cpdef bint japanese(Py_UCS4 c) noexcept
@cython.locals(code="unsigned int")
cpdef int run_of(Py_UCS4 c) noexcept
@cython.locals(code="unsigned int", kind="unsigned int", ours=bint)
cdef unsigned int _kind(Py_UCS4 c) noexcept


@cython.final
cdef class Points:
    cdef readonly Py_ssize_t room, total
    cdef readonly unsigned int seen
    cdef readonly str text
    cdef readonly unsigned int[::1] codes
    cdef readonly unsigned short[::1] kinds


@cython.final
cdef class Reader:
    cdef unsigned short[::1] table
    cdef list pool
    @cython.locals(
        total=Py_ssize_t, shared=bint, points=Points, codes="unsigned int[::1]",
        kinds="unsigned short[::1]", table="unsigned short[::1]", seen="unsigned int",
        at=Py_ssize_t, c=Py_UCS4, code="unsigned int", kind="unsigned int",
    )
    cpdef Points read(self, str text)
    cpdef object give(self, Points points)


@cython.final
cdef class Scratch:
    cdef readonly int[::1] starts, ends, bases, flags, places
    cdef readonly unsigned long long[::1] hashes
