cimport cython

from fastpath._columns cimport Asked, Columns, Desk

cdef long long _PPM, _RPM, _SCALE, _MOST_RELEVANCE
cdef int _LAST_SHARE, _TOO_WEAK, _PACED, _BELOW_RESERVE, _HOUSE, _REASON_COUNT
cdef tuple _SHARES


@cython.final
cdef class Scratch:
    cdef readonly long long cap, size, epoch
    cdef long long[:] table, relevance, rates, weights, floors, scores
    cdef int[:] index, ads, places, reasons, hits, lowest


@cython.final
cdef class Market(Columns):
    cdef readonly list pool
    @cython.locals(total="long long", size="long long", tag=int, work=Scratch)
    cpdef object select(self, list sources, tuple similar, Asked asked, long long cap, long long kept)
    @cython.locals(
        table="long long[:]", index="int[:]", ads="int[:]", hits="int[:]", relevance="long long[:]",
        mask="long long", at="long long", k="long long", stamp="long long", said="long long", count=int, cut=int,
        place=int, tag=int, ad=int, i=int, share="long long", value="long long",
    )
    cdef object gather(self, Scratch work, list sources, tuple similar, long long cap)
    @cython.locals(
        desk=Desk, test=bint, ads="int[:]", paid=int, free=int, i=int, ad=int, said="long long", reason=int,
        rate="long long", clicks=bint, weight="long long", floor="long long",
    )
    cdef object judge(self, Scratch work, int count, Asked asked)
    @cython.locals(
        ads="int[:]", reasons="int[:]", weights="long long[:]", scores="long long[:]", lowest="int[:]",
        count=int, cut=int, paid=int, free=int, i=int, j=int, ad=int, reason=int, score="long long",
        threshold="long long", first="long long", other="long long", owner=int, top=int, low=int,
        bid="long long", counts=list, best=list, dropped=list,
    )
    cdef object _select(self, Scratch work, list sources, tuple similar, Asked asked, long long cap, long long kept)
    @cython.locals(row=tuple, place=int, out=list)
    cpdef tuple named(self, list rows, int most, list sources, tuple reasons, object kind)
    @cython.locals(
        bid="long long", weight="long long", floor="long long", following="long long", gsp="long long",
        least="long long", vcg="long long", twice="long long", place=int, advertiser=int, row=tuple,
    )
    cpdef tuple price(self, list ranked, int rank, tuple rest)
