cimport cython

cdef int _SHORTEST

@cython.locals(
    found=int, total=Py_ssize_t, i=Py_ssize_t, start=Py_ssize_t, digits=bint, letters=bint, plain=bint,
    c=Py_UCS4, code="unsigned int",
)
cdef object _numbers(str text, str signs, tuple units, tuple limits)
@cython.locals(before=Py_UCS4, start=Py_ssize_t, end=Py_ssize_t)
cdef bint _price(
    str text, Py_ssize_t at, Py_ssize_t total, str signs, tuple units, tuple limits
) except -1
@cython.locals(code="unsigned int")
cdef bint _digit(Py_UCS4 c) noexcept
@cython.locals(code="unsigned int")
cdef bint _inner(Py_UCS4 c) noexcept
