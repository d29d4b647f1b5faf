cimport cython

from fastpath._points cimport Points, Reader

cdef unsigned long long _PRIME, _MIX, _MASK, _ROW
cdef int _LETTERS, _MOST, _LONG, _PAIRS
cdef unsigned int _ALPHA, _WORD

cdef unsigned int _pair(unsigned int last, unsigned int before) noexcept
cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _end(unsigned long long h) noexcept


@cython.final
cdef class Scores:
    cdef int[::1] points


@cython.final
cdef class Tongue:
    cdef public tuple names
    cdef int home, scripts
    cdef unsigned long long seed, word_mask, ending_mask
    cdef int[::1] row_from, row_names, row_points, word_rows, letters, ending_to
    cdef unsigned long long[::1] word_keys, ending_keys, accepts
    cdef unsigned char[::1] local, blocks, last
    cdef list accents, pool
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object word_hash(self, str word)
    @cython.locals(
        seen="int[::1]", latin=int, letters=int, han=int, kana=bint, k=Py_ssize_t, c=Py_UCS4,
        code="unsigned int", script=int, foreign=int,
    )
    cpdef object survey(self, str sample)
    @cython.locals(points=Points)
    cpdef object evidence(self, str sample)
    @cython.locals(
        pooled=Scores, scores="int[::1]", total=Py_ssize_t, words=int, i=Py_ssize_t, before=bint,
        home=int, start=Py_ssize_t, end=Py_ssize_t, h="unsigned long long", word="unsigned long long",
        best=int, top=int, name=int, codes="unsigned int[::1]", kinds="unsigned short[::1]",
    )
    cpdef object evidence_in(self, Points points)
    @cython.locals(
        at="unsigned long long", seen="unsigned long long", number=int, k=int, bits="unsigned long long",
        name=int,
    )
    cdef int _weigh(
        self, unsigned long long h, Points points, Py_ssize_t start, Py_ssize_t end,
        Scores pooled
    ) except -1
    @cython.locals(
        bits="unsigned long long", node="long long", k=Py_ssize_t, wanted="unsigned long long",
        at="unsigned long long", seen="unsigned long long",
    )
    cdef unsigned long long _endings(
        self, Points points, Py_ssize_t start, Py_ssize_t end
    ) except? 0
    @cython.locals(
        high="unsigned int", k=Py_ssize_t, code="unsigned int", number=int, j=int, scores="int[::1]"
    )
    cdef int _letters(self, str sample, Scores pooled) except -1
