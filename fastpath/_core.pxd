cimport cython

cdef unsigned long long _MASK, _PRIME, _MIX
cdef int _DOT, _TAIL, _SHORT, _MOST_WORDS, _TABLE, _SHARED

cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _finish(unsigned long long h) noexcept
@cython.locals(h="unsigned long long", i=Py_ssize_t)
cdef unsigned long long _hash(unsigned long long seed, str text) except 0
@cython.locals(code="unsigned int")
cpdef bint japanese(Py_UCS4 c) noexcept
@cython.locals(code="unsigned int")
cdef bint _letter(Py_UCS4 c) noexcept
@cython.locals(total=Py_ssize_t, i=Py_ssize_t, c=Py_UCS4)
cdef Py_ssize_t _word_end(str text, Py_ssize_t at) except -1
@cython.locals(c=Py_UCS4)
cdef bint _owns_dot(str text, Py_ssize_t start) except -1
@cython.locals(total=Py_ssize_t, i=Py_ssize_t)
cdef bint _owns_tail(str text, Py_ssize_t end) except -1
@cython.locals(i=Py_ssize_t, j=Py_ssize_t, c=Py_UCS4, d=Py_UCS4, code="unsigned int")
cdef bint _breaks(str text, Py_ssize_t start, Py_ssize_t end) except -1
@cython.locals(code="unsigned int")
cdef int _run(Py_UCS4 c) noexcept


@cython.final
cdef class Scratch:
    cdef int[:] starts, ends, bases, flags
    cdef unsigned long long[:] hashes


@cython.final
cdef class Matcher:
    cdef unsigned long long start
    cdef int longest, shift
    cdef frozenset contracted
    cdef const int[:] buckets, form_offsets, form_tag_offsets, form_tags
    cdef const unsigned short[:] prints
    cdef const unsigned char[:] form_blob, form_plain
    cdef list pool
    cdef int[:] limits
    cdef object known
    @cython.locals(
        total=Py_ssize_t, shared=bint, scratch=Scratch, count=int, word=int, size=int,
        wanted="unsigned long long", bucket="unsigned long long", hashes="unsigned long long[:]",
    )
    cpdef object words(self, str text)
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, end=Py_ssize_t, base=Py_ssize_t, k=Py_ssize_t, count=int,
        mark=int, at=int, code="unsigned long long", one="unsigned long long",
        two="unsigned long long", three="unsigned long long", four="unsigned long long",
        starts="int[:]", ends="int[:]", bases="int[:]", flags="int[:]", hashes="unsigned long long[:]",
    )
    cdef int _cut(self, str text, Scratch scratch) except -1
    @cython.locals(bucket="unsigned long long", form=int)
    cdef object _look(
        self, unsigned long long wanted, str text, Scratch scratch, int first, int last, set found,
        list unsure
    )
    @cython.locals(
        at="long long", end="long long", word=int, k=Py_ssize_t, code="unsigned int",
        starts="int[:]", bases="int[:]",
    )
    cdef bint _same(self, int form, str text, Scratch scratch, int first, int last) except -1
    cdef bint _same_encoded(
        self, int form, str text, Scratch scratch, int first, int last
    ) except -1
    @cython.locals(start="long long", k=Py_ssize_t, wanted=bytes)
    cdef bint _is(self, int form, str text) except -1
    @cython.locals(word=int, starts="int[:]", ends="int[:]", flags="int[:]")
    cdef bint _bare(self, str text, Scratch scratch, int first, int last) except -1
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, end=Py_ssize_t, limit=Py_ssize_t, h="unsigned long long",
        wanted="unsigned long long", bucket="unsigned long long", form=int,
        c=Py_UCS4, unspaced=bint, before=int, kind=int, code="unsigned int",
    )
    cpdef object characters(self, str text, object longest)
    @cython.locals(length="long long", k=int, form=int, tag=int)
    cpdef object tags(self, object forms)
