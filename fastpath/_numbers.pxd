cimport cython

from fastpath._points cimport Points, Reader

cdef int _SHORTEST, _PRICE, _MODEL
cdef unsigned int _INNER, _DECIMAL, _BLANK

@cython.locals(
    found=int, total=Py_ssize_t, i=Py_ssize_t, start=Py_ssize_t, digits=bint, letters=bint, plain=bint,
    code="unsigned int", codes="unsigned int[::1]", kinds="unsigned short[::1]",
)
cdef object _numbers(Points points, str signs, tuple units, tuple limits)
@cython.locals(
    text=str, before=Py_UCS4, start=Py_ssize_t, end=Py_ssize_t, kinds="unsigned short[::1]"
)
cdef bint _price(Points points, Py_ssize_t at, str signs, tuple units, tuple limits) except -1
