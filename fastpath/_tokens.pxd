cimport cython

cdef bytes _URL_SAFE


@cython.final
cdef class Macs:
    cdef object keyed
    @cython.locals(request=bytes, ad=bytes)
    cpdef bytes of(self, str request_id, str ad_id, object expires_ms)


cpdef bytes base64url(bytes raw)
