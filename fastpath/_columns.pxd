cimport cython

from fastpath._ids cimport Packed

cdef long long _PPM
cdef unsigned long long _MASK, _FIRST, _SECOND


@cython.final
cdef class Desk:
    cdef readonly int currency, app
    cdef readonly long long reserve, floor
    cdef readonly set barred, welcome
    cdef readonly bytearray hosts
    cdef readonly object judge
    cdef readonly long long[:] rates


@cython.final
cdef class Asked:
    cdef readonly Desk desk
    cdef readonly int formats, language, geo, device, day
    cdef readonly long long now, opportunity
    cdef readonly bint test
    cdef readonly set topics, muted
    cdef public set said
    cdef public tuple matches
    cdef public unsigned long long near, far
    cdef readonly tuple mutes
    cdef readonly dict closed, keep, paces
    cdef public dict used
    cdef readonly str request_id
    cdef public object seed
    cpdef bint heard(self, int tag) except -1


cdef class Columns:
    cdef readonly const long long[:] bid, starts, ends, id_offsets
    cdef readonly const int[:] post_offsets, post_ads, rule, tag_weight, quality, campaign, advertiser, pace
    cdef readonly const int[:] geo_offsets, negative_offsets, negatives, topic_offsets, topics
    cdef readonly const int[:] app_offsets, apps, app_block_offsets, app_blocks, content_offsets, contents, tag_offsets, tags
    cdef readonly const short[:] currency, geos
    cdef readonly const unsigned char[:] tag_words, model, format, house, languages, devices, weekdays
    cdef readonly object id_blob, names, most
    cdef readonly Packed packed
    cdef readonly dict keys, desks, places
    cdef public object live
    cpdef str ad_id(self, int ad)
    @cython.locals(k=int, fits=bint, desk=Desk)
    cpdef int out_of_place(self, int rule, Asked asked) except -1
    @cython.locals(reason=int, rule=int, desk=Desk)
    cpdef int why_not(self, int ad, Asked asked) except -1
    @cython.locals(k=int, rule=int, contents=set, tags=set)
    cpdef bint is_muted(self, int ad, Asked asked) except -1
    @cython.locals(campaign=int, share="long long", drawn="long long", z="unsigned long long", k="unsigned long long")
    cpdef bint takes_part(self, int ad, Asked asked) except -1
