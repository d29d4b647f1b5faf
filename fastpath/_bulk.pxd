cimport cython

cdef unsigned long long _MASK, _PRIME, _MIX

@cython.locals(h="unsigned long long", i="long long", at="long long")
cpdef hash_rows(unsigned long long seed, const unsigned char[::1] blob, const long long[::1] starts, const long long[::1] lengths, unsigned long long[::1] out)
@cython.locals(i="long long", at="long long", to="long long")
cpdef copy_rows(const unsigned char[::1] blob, const long long[::1] starts, const long long[::1] lengths, unsigned char[::1] out)
@cython.locals(i="long long", at="long long", to="long long")
cpdef take_rows(const long long[::1] values, const long long[::1] starts, const long long[::1] lengths, long long[::1] out)
@cython.locals(i="long long", to="long long", key="long long")
cpdef group(const long long[::1] keys, long long[::1] places, long long[::1] out)
