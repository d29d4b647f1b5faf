cimport cython

from fastpath._core cimport Matcher
from fastpath._lexicon cimport Lexicon
from fastpath._memory cimport Memory
from fastpath._points cimport Points, Reader

cdef int _MATCH_TURNS, _MATCH_CHARS, _MAX_MATCHES, _SAMPLE, _INTENT_TURNS, _MOST_TAGS, _EXPANSION
cdef int _MOST_SAID
cdef Py_ssize_t _FEW, _MOST
cdef unsigned int _DECIMAL
cdef str _USER
cdef frozenset _GATE_ERROR, _NO_NAMES
cdef object _UNSAID, _AT_HOME, _HOME
cdef dict _NO_TAGS


@cython.final
cdef class Reading:
    cdef readonly str model, source
    cdef readonly frozenset categories
    cdef readonly object said, evidence
    cdef readonly dict tags


@cython.final
cdef class Talk:
    cdef object snapshot
    cdef list texts, readings, points


@cython.final
cdef class Ear:
    cdef object lexicons, book, judge
    cdef str source, model
    cdef readonly bint sound
    @cython.locals(
        last=Py_ssize_t, found=frozenset, closed=bint, asked=int, talk=Talk, points=Points, users=list,
        length=Py_ssize_t, text=str,
    )
    cpdef object read(self, object snapshot, tuple turns, object hint, Memory memory)
    cdef Matcher matcher
    cdef Reader reader
    cdef Lexicon lexicon
    cdef unsigned long long exceptions
    cdef dict known
    @cython.locals(at=Py_ssize_t, text=str, key=tuple, reading=Reading, found=frozenset)
    cdef frozenset _listen(self, Talk talk, Memory memory)
    @cython.locals(points=Points, text=str)
    cdef Points _points(self, Talk talk, Py_ssize_t at)
    @cython.locals(names=tuple)
    cdef object _hear(self, Reading reading, Points points)
    @cython.locals(bits="unsigned long long", hits=list, watched=list, left=bint, usual=bint, known=tuple)
    cdef tuple _names(self, Points points)
    @cython.locals(reading=Reading)
    cdef object _evidence(self, Talk talk, Py_ssize_t at)
    @cython.locals(text=str)
    cdef object _tell(self, Talk talk, Py_ssize_t at)
    @cython.locals(reading=Reading, text=str, points=Points, unsure=list, tags=dict)
    cdef dict _tags(self, Talk talk, Py_ssize_t at)
    @cython.locals(
        last=Py_ssize_t, asked=int, at=Py_ssize_t, tags=dict, found=dict, age=int, user=bint,
        kept=list,
    )
    cdef tuple _matches(self, Talk talk, object turns)
