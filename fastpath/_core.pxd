cimport cython

from fastpath._points cimport Points, Reader, Scratch, japanese, run_of

cdef unsigned long long _MASK, _PRIME, _MIX
cdef int _DOT, _TAIL, _SHORT, _OPENS, _OPENING, _MOST_WORDS, _TABLE, _SHARED, _MARK, _AROUND
cdef unsigned int _LETTER, _JOINED, _BLANK, _BREAK

cdef unsigned long long _step(unsigned long long h, unsigned long long code) noexcept
cdef unsigned long long _finish(unsigned long long h) noexcept
@cython.locals(h="unsigned long long", i=Py_ssize_t)
cdef unsigned long long _hash(unsigned long long seed, str text) except 0
@cython.locals(i=Py_ssize_t)
cdef Py_ssize_t _word_end(Points points, Py_ssize_t at) except -1
cdef bint _owns_dot(Points points, Py_ssize_t start) except -1
@cython.locals(i=Py_ssize_t)
cdef bint _owns_tail(Points points, Py_ssize_t end) except -1
@cython.locals(
    codes="unsigned int[::1]", kinds="unsigned short[::1]", i=Py_ssize_t, j=Py_ssize_t, c=Py_UCS4,
    code="unsigned int",
)
cdef bint _breaks(Points points, Py_ssize_t start, Py_ssize_t end) except -1


@cython.final
cdef class Matcher:
    cdef unsigned long long start
    cdef int longest, shift
    cdef frozenset contracted
    cdef const int[::1] buckets, form_offsets, form_tag_offsets, form_tags
    cdef const unsigned short[::1] prints
    cdef const unsigned char[::1] form_blob, form_plain
    cdef list pool
    cdef int[::1] limits
    cdef public unsigned char[::1] opening
    cdef object known
    @cython.locals(points=Points)
    cpdef object words(self, str text)
    @cython.locals(
        total=Py_ssize_t, shared=bint, scratch=Scratch, count=int, at=int, form=int,
        wanted="unsigned long long", bucket="unsigned long long",
    )
    cpdef object words_in(self, Points points)
    @cython.locals(
        hashes="unsigned long long[::1]", places="int[::1]", buckets="const int[::1]", longest=int,
        flags="int[::1]", opening="unsigned char[::1]", kept=int, word=int, size=int, place=int, wanted="unsigned long long",
        bucket="unsigned long long",
    )
    cdef int _keys(self, int count, Scratch scratch) except -1
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, end=Py_ssize_t, base=Py_ssize_t, k=Py_ssize_t, count=int,
        mark=int, at=int, code="unsigned long long", one="unsigned long long",
        two="unsigned long long", three="unsigned long long", four="unsigned long long",
        starts="int[::1]", ends="int[::1]", bases="int[::1]", flags="int[::1]",
        hashes="unsigned long long[::1]", codes="unsigned int[::1]", kinds="unsigned short[::1]",
    )
    cdef int _cut(self, Points points, Scratch scratch) except -1
    @cython.locals(first=int, last=int)
    cdef object _look(
        self, int form, Points points, Scratch scratch, int place, set found, list unsure
    )
    @cython.locals(
        at="long long", end="long long", word=int, k=Py_ssize_t, code="unsigned int",
    )
    cdef bint _same(self, int form, Points points, Scratch scratch, int first, int last) except -1
    @cython.locals(start="long long", k=Py_ssize_t, wanted=bytes)
    cdef bint _is(self, int form, str text) except -1
    @cython.locals(word=int, flags="int[::1]")
    cdef bint _bare(self, Points points, Scratch scratch, int first, int last) except -1
    @cython.locals(
        total=Py_ssize_t, i=Py_ssize_t, end=Py_ssize_t, limit=Py_ssize_t, h="unsigned long long",
        wanted="unsigned long long", bucket="unsigned long long", form=int,
        c=Py_UCS4, unspaced=bint, before=int, kind=int, code="unsigned int",
    )
    cpdef object characters(self, str text, object longest)
    @cython.locals(
        i=Py_ssize_t, first=Py_ssize_t, last=Py_ssize_t, h="unsigned long long", marked=str,
        near=bint, lead="unsigned long long", wanted="unsigned long long", bucket="unsigned long long", form=int,
    )
    cpdef object inside(self, str text, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(length="long long", k=int, form=int, tag=int, last=int, ordered=bint)
    cpdef object tags(self, object forms)
