cimport cython

from fastpath._points cimport Points, Reader

cdef unsigned long long _MIX, _MASK, _ROW
cdef unsigned int _FIRST, _BLANK
cdef int _SHARED, _ALONE, _LONGER, _PAIRS

@cython.locals(h="unsigned long long")
cdef unsigned long long _spread(unsigned long long key) noexcept
cdef int _pair(unsigned int first, unsigned int second) noexcept
cdef bint _same(int rule, unsigned int code) noexcept
cdef bint _letter(unsigned int code) noexcept


@cython.final
cdef class Scratch:
    cdef unsigned int[::1] points


@cython.final
cdef class Trie:
    cdef unsigned long long loose, cover, mask
    cdef unsigned char[::1] first, rules, pairs
    cdef unsigned long long[::1] accepts, keys
    cdef int[::1] targets
    cdef list pool
    @cython.locals(points=Points)
    cpdef object scan(self, str text)
    @cython.locals(total=Py_ssize_t, shared=bint, scratch=Scratch)
    cpdef object scan_in(self, Points text)
    @cython.locals(
        points="unsigned int[::1]", total=Py_ssize_t, k=Py_ssize_t, i=Py_ssize_t, j=Py_ssize_t,
        code="unsigned int", found="unsigned long long", bits="unsigned long long", covered=Py_ssize_t,
        bare=bint, node=int, kind=int, pair=int, codes="unsigned int[::1]", kinds="unsigned short[::1]",
        first="unsigned char[::1]", pairs="unsigned char[::1]",
    )
    cdef object _scan(self, Points text, Scratch scratch)
    @cython.locals(
        wanted="unsigned long long", at="unsigned long long", seen="unsigned long long"
    )
    cdef int _next(self, unsigned long long node, unsigned int code) except -2
    cdef bint _free(
        self, int rule, unsigned int[::1] points, Py_ssize_t start, Py_ssize_t end, Py_ssize_t total
    ) except -1
