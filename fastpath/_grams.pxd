cimport cython

cdef unsigned int _MASK, _MIX, _STEP, _PAIR, _WORD, _BLANK, _TOP_POINT
cdef int _LONGEST

@cython.locals(
    points="unsigned int[:]", sums="long long[:]", length=Py_ssize_t, k=Py_ssize_t, i=Py_ssize_t,
    c=Py_UCS4, code="unsigned int", top="unsigned int", shift=int, word="unsigned int",
    power="unsigned int", before="unsigned int", start=Py_ssize_t, previous=Py_ssize_t,
    mixed="unsigned int", gram="unsigned int", total="long long", last=Py_ssize_t, best="long long",
)
cdef object _window_sum(str text, const signed char[:] weights, int bits, Py_ssize_t window, Py_ssize_t stride)
