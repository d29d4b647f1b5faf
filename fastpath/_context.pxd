cimport cython

from fastpath._fields cimport Field

cdef tuple _DIGITS
cdef object _EMPTY
cdef Field _ID, _APP, _FORMATS, _GEO, _DEVICE, _TOPICS, _MUTED, _MUTED_TOPICS, _CONSENT, _ADS, _TEST

@cython.locals(app=bytes, head=bytes)
cpdef tuple names_of(object request)
@cython.locals(own=bytes)
cdef str _hashed(bytes head, bytes app, str name)
cdef bytes _digits(Py_ssize_t number)
cpdef object context_at(object request, object now_ms, object spent, object capped, object shown, object rule)
cdef object _sorted(object found)
