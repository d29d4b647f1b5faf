cimport cython

from fastpath._columns cimport Asked, Columns, Desk
from fastpath._fields cimport Field

cdef extern from *:
    """
    #ifdef __GNUC__
    #define ask_for(place) __builtin_prefetch(place)
    #else
    #define ask_for(place) (void)(place)
    #endif
    """
    void ask_for(const void *place) noexcept


cdef inline void ahead(const int[:] column, Py_ssize_t at) noexcept:
    if 0 <= at < column.shape[0]:
        ask_for(&column[at])


cdef inline void ahead_bytes(const unsigned char[:] column, Py_ssize_t at) noexcept:
    if 0 <= at < column.shape[0]:
        ask_for(&column[at])


cdef inline void ahead_wide(const long long[:] column, Py_ssize_t at) noexcept:
    if 0 <= at < column.shape[0]:
        ask_for(&column[at])


cdef Field _TAG, _FORM, _AGE, _ASKED
cdef long long _RPM, _MOST_RELEVANCE
cdef int _LAST_SHARE, _TOO_WEAK, _PACED, _BELOW_RESERVE, _HOUSE
cdef long long[::1] _SHARES, _SAID, _LEFT


@cython.final
cdef class Scratch:
    cdef public long long cap, size, epoch, first, other, total, seen
    cdef public int room, heard, count, top, low, eligible, cut, owner
    cdef readonly long long[::1] values, table, bids, relevance, rates, weights, floors, totals
    cdef readonly int[::1] tags, forms, starts, ends, index, ads, places, reasons, hits, order, lowest, counts


@cython.final
cdef class Market(Columns):
    cdef readonly list pool
    cdef Scratch take(self)
    cdef object give(self, Scratch work)
    @cython.locals(
        age=int, tag=int, most=int, heard=int, near="unsigned long long", far="unsigned long long",
        bit="unsigned long long")
    cdef object listen(self, Scratch work, tuple matches, dict declared, Asked asked)
    @cython.locals(tag=int, words=int, j=int)
    cdef object weigh(self, Scratch work)
    @cython.locals(j=int)
    cdef object declare(self, Scratch work, dict declared)
    @cython.locals(i=int, j=int, k=int, value="long long", tag=int, form=int)
    cdef object sort(self, Scratch work)
    @cython.locals(
        total="long long", left="long long", start="long long", tag=int, j=int, k="long long")
    cdef object follow(self, Scratch work, long long cap)
    @cython.locals(
        table="long long[::1]", index="int[::1]", hits="int[::1]", relevance="long long[::1]", mask="long long",
        at="long long", k="long long", stamp="long long", said="long long", count=int, place=int, tag=int, ad=int,
        i=int, share="long long")
    cdef int gather(self, Scratch work, tuple similar, long long cap) except -1
    cdef int enter(self, Scratch work, int count, int ad, int place, long long said, long long cap) except -2
    @cython.locals(
        desk=Desk, test=bint, count=int, reasons="int[::1]", paid=int, free=int, i=int, ad=int, said="long long", reason=int,
        rate="long long", clicks=bint, house=bint, weight="long long", floor="long long", moment="long long")
    cdef int judge(self, Scratch work, Asked asked) except -1
    @cython.locals(total="long long", size="long long")
    cdef object select(self, Scratch work, tuple similar, Asked asked, long long cap)
