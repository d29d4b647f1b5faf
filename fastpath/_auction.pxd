cimport cython

from fastpath._choose cimport Market, Scratch
from fastpath._columns cimport Asked

cdef int _BELOW_RESERVE
cdef tuple _NAMES, _BY_NAME
cdef dict _ORDER


@cython.locals(work=Scratch)
cpdef object propose(
    Market market, object features, dict declared, Asked asked, str request_id, bint second, long long cap, int kept,
    int top, long long within, long long rate)
@cython.locals(work=Scratch, found=list, j=int)
cpdef list ranked(Market market, object features, dict declared, Asked asked, long long cap, int kept)
@cython.locals(counts=dict, dropped=tuple, eligible=tuple, looked=int, rank=int, number=int, charged="long long")
cdef object auction(
    Market market, Scratch work, Asked asked, str request_id, bint second, int kept, int top, long long within,
    long long rate)
@cython.locals(totals="long long[::1]", order="int[::1]", j=int, keyed=list)
cdef object settle(Market market, Scratch work, str request_id)
@cython.locals(best="long long", least="long long", count=int)
cdef int _near(Scratch work, int looked, long long within) except -1
cdef tuple played(Market market, Asked asked)
@cython.locals(out=list, j=int)
cdef tuple named(Market market, Scratch work, int[::1] rows, int count)
@cython.locals(place=int, reason=int, ad=int)
cdef object scored(Market market, Scratch work, int i)
@cython.locals(
    i=int, j=int, owner=int, bid="long long", weight="long long", following="long long", gsp="long long",
    least="long long", vcg="long long", twice="long long")
cpdef tuple price(Market market, Scratch work, int rank)
