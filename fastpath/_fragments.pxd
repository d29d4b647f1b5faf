cimport cython

cdef unsigned long long _MIX, _MASK, _ROW
cdef unsigned int _FIRST
cdef int _SHARED, _ALONE, _LONGER, _PAIRS

cdef unsigned long long _spread(unsigned long long key) noexcept
cdef int _pair(unsigned int first, unsigned int second) noexcept
cdef bint _same(int rule, unsigned int code) noexcept
cdef bint _letter(unsigned int code) noexcept


@cython.final
cdef class Points:
    cdef unsigned int[:] points


@cython.final
cdef class Trie:
    cdef unsigned long long loose, cover, mask
    cdef unsigned char[:] first, rules, pairs
    cdef unsigned long long[:] accepts, keys
    cdef int[:] targets
    cdef list pool
    @cython.locals(total=Py_ssize_t, scratch=Points)
    cpdef object scan(self, str text)
    @cython.locals(
        points="unsigned int[:]", total=Py_ssize_t, k=Py_ssize_t, i=Py_ssize_t, j=Py_ssize_t, c=Py_UCS4,
        code="unsigned int", found="unsigned long long", bits="unsigned long long", covered=Py_ssize_t,
        bare=bint, node=int, kind=int, pair=int,
    )
    cdef object _scan(self, str text, Points scratch)
    @cython.locals(
        wanted="unsigned long long", at="unsigned long long", seen="unsigned long long"
    )
    cdef int _next(self, unsigned long long node, unsigned int code) except -2
    cdef bint _free(
        self, int rule, unsigned int[:] points, Py_ssize_t start, Py_ssize_t end, Py_ssize_t total
    ) except -1
