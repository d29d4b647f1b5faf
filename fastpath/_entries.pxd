cimport cython

cdef tuple _MARKS
cdef int _FORMS, _TAGS, _LEAST
cdef bytes _CONTROLS
cdef object _ASAP

@cython.locals(i=Py_ssize_t, form=bytes, title=bytes, found=list)
cpdef list forms_of(list tags)
@cython.locals(parts=list, signs=int, data=bytes, i=Py_ssize_t, form=bytes, title=bytes)
cpdef entry_of(ad, list tags, str rest)


@cython.final
cdef class Entries:
    cdef list ads, names
    cdef const long long[::1] offsets, values
    cdef object rest
    cdef dict common
    @cython.locals(tags=list, at="long long")
    cpdef entry(self, Py_ssize_t number)
    cdef str rest_of(self, ad)


cpdef tuple rest_key(ad)
@cython.locals(buffer=bytearray, out=list)
cpdef bytes digests(list ads, empty)


@cython.final
cdef class Codes:
    cdef readonly list listed
    cdef dict _known
    @cython.locals(code=object)
    cpdef object of(self, value)


@cython.locals(
    i=Py_ssize_t, currencies=Codes, languages=Codes, bounds=Codes, code="long long", free=bint, advertisers=list,
    campaigns=list, own=list, creatives=list, tags=list, negatives=list, topics=list, away=list,
)
cpdef tuple read(list ads, tuple formats, tuple models, tuple codes, long long[:, ::1] out)
@cython.locals(i=Py_ssize_t)
cdef Py_ssize_t _place(tuple known, value) except -1
