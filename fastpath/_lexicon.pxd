cimport cython

cdef unsigned long long _PRIME, _MIX, _MASK, _PREFIX, _ROW, _ONE
cdef int _GAP, _MEMO, _LONGEST_PREFIX, _OPENINGS, _SHARED

cdef unsigned long long _step(unsigned long long h, Py_UCS4 c) noexcept
cdef unsigned long long _end(unsigned long long h) noexcept
@cython.locals(code="unsigned int")
cdef bint _alnum(Py_UCS4 c) noexcept
cdef bint _mark(Py_UCS4 c) noexcept
cdef unsigned long long _edge(unsigned long long node, unsigned long long symbol) noexcept


@cython.final
cdef class Table:
    cdef unsigned long long[:] keys
    cdef int[:] values
    cdef unsigned long long mask
    @cython.locals(at="unsigned long long", seen="unsigned long long")
    cdef int get(self, unsigned long long key) except -2


@cython.final
cdef class Scratch:
    cdef unsigned long long bits
    cdef int covered
    cdef int[:] symbols, offsets
    cdef unsigned char[:] marks


@cython.final
cdef class Lexicon:
    cdef public unsigned long long seed
    cdef public bint watch
    cdef int cover
    cdef unsigned long long[:] memo
    cdef unsigned int lengths
    cdef unsigned int[:] openings
    cdef list pool
    cdef Table words, prefixes, edges
    cdef int[:] gap_to, accept_from, accepts, row_from, row, roots
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object word_hash(self, str word)
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object prefix_hash(self, str word)
    @cython.locals(total=Py_ssize_t, scratch=Scratch)
    cpdef object scan(self, str text)
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, start=Py_ssize_t, length=int, count=int, used=int, at=int,
        k=int, symbol=int, node=int, h="unsigned long long", c=Py_UCS4, lengths="unsigned int",
        symbols="int[:]", offsets="int[:]", marks="unsigned char[:]", left=bint,
    )
    cdef object _scan(self, str text, Scratch scratch)
    @cython.locals(number=int, k=int)
    cdef int _show(self, unsigned long long h, int[:] symbols, int used) except -1
    @cython.locals(
        k=int, j=int, to=int, gap=int, skip=int, first=bint, symbols="int[:]", offsets="int[:]",
    )
    cdef int _walk(
        self, int node, int start, int at, int count, Scratch scratch, list hits
    ) except -1
    @cython.locals(k=int, category=int)
    cdef int _accept(self, int node, int start, int end, Scratch scratch, list hits) except -1
