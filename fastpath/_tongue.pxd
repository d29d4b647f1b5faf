cimport cython

cdef unsigned long long _PRIME, _MIX, _MASK, _ROW
cdef int _LETTERS, _MOST, _LONG

cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _end(unsigned long long h) noexcept
@cython.locals(code="unsigned int")
cdef bint _letter(Py_UCS4 c) noexcept
@cython.locals(code="unsigned int")
cdef bint _inner(Py_UCS4 c) noexcept


@cython.final
cdef class Scores:
    cdef int[:] points


@cython.final
cdef class Tongue:
    cdef public tuple names
    cdef int home, scripts
    cdef unsigned long long seed, word_mask, ending_mask
    cdef int[:] row_from, row_names, row_points, word_rows, letters, ending_to
    cdef unsigned long long[:] word_keys, ending_keys, accepts
    cdef unsigned char[:] local, blocks
    cdef list accents, pool
    @cython.locals(h="unsigned long long", i=Py_ssize_t)
    cpdef object word_hash(self, str word)
    @cython.locals(
        seen="int[:]", latin=int, letters=int, han=int, kana=bint, k=Py_ssize_t, c=Py_UCS4,
        code="unsigned int", script=int, foreign=int,
    )
    cpdef object survey(self, str sample)
    @cython.locals(
        pooled=Scores, scores="int[:]", total=Py_ssize_t, words=int, i=Py_ssize_t, k=Py_ssize_t,
        before=bint, c=Py_UCS4, home=int,
        start=Py_ssize_t, end=Py_ssize_t, h="unsigned long long", best=int, top=int, name=int,
    )
    cpdef object evidence(self, str sample)
    @cython.locals(
        at="unsigned long long", seen="unsigned long long", number=int, k=int, bits="unsigned long long",
        name=int, scores="int[:]",
    )
    cdef int _weigh(
        self, unsigned long long h, str sample, Py_ssize_t start, Py_ssize_t end, Scores pooled
    ) except -1
    @cython.locals(
        bits="unsigned long long", node="long long", k=Py_ssize_t, wanted="unsigned long long",
        at="unsigned long long", seen="unsigned long long",
    )
    cdef unsigned long long _endings(self, str sample, Py_ssize_t start, Py_ssize_t end) except? 0
    @cython.locals(
        high="unsigned int", k=Py_ssize_t, code="unsigned int", number=int, j=int, scores="int[:]"
    )
    cdef int _letters(self, str sample, Scores pooled) except -1
