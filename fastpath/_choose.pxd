cimport cython

from fastpath._columns cimport Asked, Columns, Desk

cdef long long _RPM, _MOST_RELEVANCE
cdef int _LAST_SHARE, _TOO_WEAK, _PACED, _BELOW_RESERVE, _HOUSE, _REASON_COUNT
cdef long long[::1] _SHARES


@cython.final
cdef class Scratch:
    cdef public long long cap, size, epoch, first, other
    cdef public int room, heard, top, low, eligible, cut, owner
    cdef readonly long long[::1] values, table, bids, relevance, rates, weights, floors, totals
    cdef readonly int[::1] tags, forms, index, ads, places, reasons, hits, order, lowest, counts


@cython.final
cdef class Market(Columns):
    cdef readonly list pool
    cdef Scratch take(self)
    cdef object give(self, Scratch work)
    @cython.locals(
        words=int, age=int, value="long long", tag=int, most=int, near="unsigned long long",
        far="unsigned long long", bit="unsigned long long")
    cdef object listen(self, Scratch work, tuple matches, dict declared, Asked asked)
    @cython.locals(values="long long[::1]", tags="int[::1]", forms="int[::1]", j=int, k=int)
    cdef int put(self, Scratch work, long long value, int tag, int form) except -1
    @cython.locals(
        table="long long[::1]", index="int[::1]", hits="int[::1]", relevance="long long[::1]", mask="long long",
        at="long long", k="long long", stamp="long long", said="long long", count=int, place=int, tag=int, ad=int,
        i=int, share="long long")
    cdef int gather(self, Scratch work, tuple similar, long long cap) except -1
    cdef int enter(self, Scratch work, int count, int ad, int place, long long said, long long cap) except -2
    @cython.locals(
        desk=Desk, test=bint, reasons="int[::1]", paid=int, free=int, i=int, ad=int, said="long long", reason=int,
        rate="long long", clicks=bint, weight="long long", floor="long long", moment="long long")
    cdef int judge(self, Scratch work, int count, Asked asked) except -1
    @cython.locals(total="long long", size="long long", tag=int, j=int, count=int)
    cdef object select(self, Scratch work, tuple similar, Asked asked, long long cap, long long kept)
    @cython.locals(
        totals="long long[::1]", order="int[::1]", reasons="int[::1]", ads="int[::1]", lowest="int[::1]",
        hits="int[::1]", top=int, low=int, i=int, j=int, reason=int, least="long long")
    cpdef int sift(self, Scratch work, int count, long long kept) except -1
    cdef int leave(self, Scratch work, long long total, int owner) except -1
