cimport cython

from fastpath._choose cimport Market, Scratch
from fastpath._columns cimport Asked
from fastpath._fields cimport Field
from fastpath._ids cimport Packed

cdef Field _MATCHES, _SIMILAR
cdef int _BELOW_RESERVE, _REASON_COUNT, EXPLORE_TOP
cdef long long EXPLORE_WITHIN_PPM
cdef double _STEPS
cdef int[::1] _BY_NAME
cdef tuple _NAMES, _CHANCES
cdef dict _ORDER


@cython.locals(work=Scratch)
cpdef object propose(Market market, object features, dict declared, Asked asked, bint second, int kept)
@cython.locals(work=Scratch, found=list, j=int)
cpdef list ranked(Market market, object features, dict declared, Asked asked, int kept)
@cython.locals(
    counts=dict, dropped=tuple, eligible=tuple, propensities=tuple, looked=int, near=int, rank=int, number=int, j=int,
    best=int, propensity=int, drawn=int, charged="long long", hold="long long")
cdef object auction(Market market, Scratch work, Asked asked, bint second, int kept)
@cython.locals(bits="unsigned long long", byte="unsigned char", digest=bytes)
cpdef int explored(str request_id) except -1
@cython.locals(
    totals="long long[::1]", order="int[::1]", reasons="int[::1]", ads="int[::1]", lowest="int[::1]",
    hits="int[::1]", count=int, top=int, low=int, i=int, j=int, reason=int, least="long long")
cpdef int sift(Market market, Scratch work, long long kept) except -1
cdef int leave(Scratch work, long long total, int owner) except -1
@cython.locals(totals="long long[::1]", order="int[::1]", j=int, keyed=list)
cdef object settle(Market market, Scratch work, str request_id)
@cython.locals(best="long long", least="long long", count=int)
cdef int _near(Scratch work, int looked) except -1
cdef tuple played(Market market, Asked asked)
@cython.locals(j=int, seen="long long", ad="long long")
cdef object fetch_ids(Packed packed, Scratch work, int kept)
@cython.locals(out=list, j=int)
cdef tuple named(Market market, Scratch work, int[::1] rows, int count)
@cython.locals(place=int, reason=int, ad=int)
cdef object scored(Market market, Scratch work, int i)
@cython.locals(
    i=int, j=int, owner=int, bid="long long", weight="long long", following="long long", gsp="long long",
    least="long long", vcg="long long", twice="long long")
cpdef tuple price(Market market, Scratch work, int rank)
