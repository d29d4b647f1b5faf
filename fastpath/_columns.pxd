cimport cython

from fastpath._ids cimport Packed

cdef long long _PPM
cdef unsigned long long _MASK, _FIRST, _SECOND
cdef int _TIMES, _DAYS, _GEOS, _DEVICES, _APPS, _TOPICS, _NEGATIVES


@cython.final
cdef class Desk:
    cdef readonly object entry
    cdef readonly bint own, safe
    cdef readonly int formats, currency, app
    cdef readonly long long reserve, floor
    cdef readonly set barred, welcome
    cdef readonly bytearray hosts
    cdef readonly object judge
    cdef readonly long long[:] rates


@cython.final
cdef class Asked:
    cdef public Desk desk
    cdef public int formats, language, geo, device, day
    cdef public long long now, opportunity
    cdef public bint test
    cdef public set topics, muted, said
    cdef public tuple matches, mutes
    cdef public unsigned long long near, far
    cdef public dict closed, keep, paces, used
    cdef public str request_id
    cdef public object seed
    cpdef bint heard(self, int tag) except -1


cdef class Columns:
    cdef readonly const long long[:] bid, starts, ends, id_offsets
    cdef readonly const int[:] post_offsets, post_ads, rule, tag_weight, quality, campaign, advertiser, pace
    cdef readonly const int[:] geo_offsets, negative_offsets, negatives, topic_offsets, topics
    cdef readonly const int[:] app_offsets, apps, app_block_offsets, app_blocks, content_offsets, contents, tag_offsets, tags
    cdef readonly const short[:] currency, geos
    cdef readonly const unsigned char[:] tag_words, format, languages, devices, weekdays, kinds
    cdef readonly const unsigned char[::1] house_bits, view_bits
    cdef readonly object id_blob, names, most
    cdef readonly Packed packed
    cdef readonly dict keys, desks, places
    cdef public object live
    cpdef str ad_id(self, int ad)
    @cython.locals(k=int, fits=bint, kinds=int)
    cpdef int out_of_place(self, int rule, Asked asked) except -1
    @cython.locals(i=int, k=int, rule=int, last=int, seen=int)
    cpdef int fetch(self, int[::1] ads, int count) except? -1
    @cython.locals(k=int, fits=bint)
    cdef bint is_closed(self, int rule, int app) except -1
    cpdef bint is_house(self, int ad) except -1
    cpdef bint is_per_view(self, int ad) except -1
    @cython.locals(reason=int, rule=int, desk=Desk)
    cpdef int why_not(self, int ad, Asked asked) except -1
    @cython.locals(k=int, rule=int, contents=set, tags=set)
    cpdef bint is_muted(self, int ad, Asked asked) except -1
    @cython.locals(campaign=int, share="long long", drawn="long long", z="unsigned long long", k="unsigned long long")
    cpdef bint takes_part(self, int ad, Asked asked) except -1
