cimport cython

cdef bytes _DIGITS

@cython.locals(rest="unsigned int", bits=int, place=int, digit=int, i="long long", out=bytearray)
cdef bytearray _crockford(const unsigned char[:] blob, long long at)
