cimport cython

cdef int _KANJI, _KATAKANA, _HIRAGANA, _LATIN, _OTHER

@cython.locals(code="unsigned int")
cdef int _class(Py_UCS4 char) except -1
@cython.locals(first=int, last=int, before=int, after=int, left=int, right=bint)
cdef bint _stands_alone(str text, Py_ssize_t start, Py_ssize_t end) except -1
@cython.locals(opened=Py_ssize_t)
cdef bint _is_named(str text, Py_ssize_t start, Py_ssize_t end, int last) except -1
@cython.locals(at=Py_ssize_t, i=Py_ssize_t)
cdef bint _in_title(str text, Py_ssize_t end) except -1
cdef bint _kanji_may_precede(str text, Py_ssize_t start) except -1
cdef bint _kana_may_precede(str text, Py_ssize_t start, Py_ssize_t end) except -1
cdef bint _kana_may_follow(str text, Py_ssize_t start, Py_ssize_t end, int last) except -1
@cython.locals(at=Py_ssize_t)
cdef bint _kanji_may_follow(str text, Py_ssize_t end) except -1
cdef bint _kanji_edges_fit(str text, Py_ssize_t start, Py_ssize_t end, int left, bint right) except -1
@cython.locals(count=int)
cdef int _kanji_run_left(str text, Py_ssize_t start) except -1
