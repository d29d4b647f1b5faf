cimport cython

from fastpath._points cimport Points, Reader

cdef unsigned long long _PRIME, _MIX, _MASK, _PREFIX, _ROW, _ONE
cdef int _GAP, _SETS, _WAYS, _LONGEST_PREFIX, _OPENINGS, _SHARED
cdef unsigned int _ALNUM, _OVER, _SENTENCE

cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _end(unsigned long long h) noexcept
@cython.locals(h="unsigned long long")
cdef unsigned long long _edge(unsigned long long node, unsigned long long symbol) noexcept


@cython.final
cdef class Table:
    cdef unsigned long long[::1] keys
    cdef int[::1] values
    cdef unsigned long long mask
    @cython.locals(at="unsigned long long", seen="unsigned long long")
    cdef int get(self, unsigned long long key) except -2


@cython.final
cdef class Scratch:
    cdef unsigned long long bits
    cdef int covered
    cdef int[::1] symbols, offsets
    cdef unsigned char[::1] marks


@cython.final
cdef class Lexicon:
    cdef public unsigned long long seed
    cdef public bint watch
    cdef int cover
    cdef unsigned long long[::1] memo
    cdef unsigned int lengths
    cdef unsigned int[::1] openings
    cdef list pool
    cdef Table words, prefixes, edges
    cdef int[::1] gap_to, accept_from, accepts, row_from, row, roots
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object word_hash(self, str word)
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object prefix_hash(self, str word)
    @cython.locals(h="unsigned long long", first="unsigned long long", way=int)
    cpdef object harmless(self, str word)
    @cython.locals(first="unsigned long long", way=int)
    cdef bint _is_harmless(self, unsigned long long h) except -1
    @cython.locals(points=Points)
    cpdef object scan(self, str text)
    @cython.locals(total=Py_ssize_t, shared=bint, scratch=Scratch)
    cpdef object scan_in(self, Points points)
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, start=Py_ssize_t, length=int, count=int, used=int, at=int,
        k=int, symbol=int, node=int, h="unsigned long long", kind="unsigned int",
        lengths="unsigned int", symbols="int[::1]", offsets="int[::1]", marks="unsigned char[::1]",
        left=bint, codes="unsigned int[::1]", kinds="unsigned short[::1]",
        openings="unsigned int[::1]",
    )
    cdef object _scan(self, Points points, Scratch scratch)
    @cython.locals(number=int, k=int)
    cdef int _show(self, unsigned long long h, Scratch scratch, int used) except -1
    @cython.locals(
        k=int, j=int, to=int, gap=int, skip=int, first=bint,
    )
    cdef int _walk(
        self, int node, int start, int at, int count, Scratch scratch, list hits
    ) except -1
    @cython.locals(k=int, category=int)
    cdef int _accept(self, int node, int start, int end, Scratch scratch, list hits) except -1
