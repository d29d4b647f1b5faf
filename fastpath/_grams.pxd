cimport cython

from fastpath._points cimport Points, Reader

cdef unsigned int _MASK, _MIX, _STEP, _PAIR, _WORD, _BLANK, _TOP_POINT, _ALNUM, _DIGIT
cdef int _LONGEST, _SHARED


@cython.final
cdef class Scratch:
    cdef unsigned int[::1] letters, mixed
    cdef long long[::1] sums


@cython.final
cdef class Grams:
    cdef const signed char[::1] weights
    cdef int shift
    cdef Py_ssize_t window, stride
    cdef list pool
    @cython.locals(total=Py_ssize_t, shared=bint, scratch=Scratch)
    cpdef object sum_in(self, Points points)
    @cython.locals(
        length=Py_ssize_t, top="unsigned int", sums="long long[::1]", i=Py_ssize_t, last=Py_ssize_t,
        best="long long", total="long long",
    )
    cdef object _sum(self, Points points, Scratch scratch)
    @cython.locals(
        codes="unsigned int[::1]", kinds="unsigned short[::1]", letters="unsigned int[::1]",
        mixed="unsigned int[::1]", top="unsigned int", length=Py_ssize_t, k=Py_ssize_t,
        code="unsigned int", kind="unsigned int",
    )
    cdef tuple _letters(self, Points points, Scratch scratch)
    @cython.locals(
        weights="const signed char[::1]", shift=int, mixed="unsigned int[::1]", sums="long long[::1]",
        most=Py_ssize_t, i=Py_ssize_t, k=Py_ssize_t, two="unsigned int", three="unsigned int",
        four="unsigned int", five="unsigned int", gram="unsigned int",
    )
    cdef int _characters(self, Scratch scratch, Py_ssize_t length) except -1
    @cython.locals(
        weights="const signed char[::1]", shift=int, letters="unsigned int[::1]",
        mixed="unsigned int[::1]", sums="long long[::1]", word="unsigned int", power="unsigned int",
        before="unsigned int", gram="unsigned int", start=Py_ssize_t, previous=Py_ssize_t, i=Py_ssize_t,
    )
    cdef int _words(self, Scratch scratch, Py_ssize_t length) except -1
