cimport cython

cdef int _KNOWN, _SHORT
cdef list _LENGTHS, _SIZES
cdef tuple _FLAGS
cdef bytes _NO_CAP


@cython.locals(talk=str)
cpdef tuple names(str app, str conversation, str message)
@cython.locals(raw=bytes)
cpdef str keyed(bytes secret, object parts)
@cython.locals(pieces=list, part=bytes, size="Py_ssize_t")
cpdef bytes command(bytes head, list parts)


cdef class Parts:
    cdef bytes said, sticky, shown, decisions, cool, offer, spent, hold, cap
    cdef tuple verdicts
    @cython.locals(talk=str, message=str, hashed=bytes, request_id=str)
    cpdef list refused(self, object ask)
    @cython.locals(talk=str, message=str, hashed=bytes, request=bytes, campaign=bytes, hold=bytes, parts=list, caps=tuple, answers=dict, code=int)
    cpdef list wanted(self, object ask)
    @cython.locals(answers=dict)
    cdef bytes _answer(self, object ask, int code)


@cython.locals(raw=bytes, size="Py_ssize_t")
cdef bytes _sized(str part)
cdef bytes _number(object value)
cdef bytes _most(object micros)
