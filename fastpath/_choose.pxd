cimport cython

cdef long long _PPM, _RPM, _SCALE


@cython.final
cdef class Asked:
    cdef readonly int formats, language, currency, geo
    cdef readonly long long now, reserve, opportunity
    cdef readonly set muted, spent, said, topics
    cdef readonly bytearray hosts
    cdef readonly object judge
    cdef readonly long long[:] rates


@cython.final
cdef class Market:
    cdef const long long[:] post_offsets, bid, starts, ends
    cdef const int[:] post_ads, quality, campaign, advertiser
    cdef const int[:] geo_offsets, negative_offsets, negatives, topic_offsets, topics
    cdef const short[:] currency, geos
    cdef const unsigned char[:] model, format, house, languages
    cdef object most
    @cython.locals(k=int, fits=bint)
    cdef int why_not(self, int ad, Asked asked) except -1
    @cython.locals(
        size="long long", at="long long", k="long long", count=int, cut="long long",
        place=int, tag=int, ad=int, seen="int[:]",
    )
    cdef object gather(self, list tags, long long total, long long cap, int[:] ads, int[:] places)
    @cython.locals(
        ads="int[:]", places="int[:]", reasons="int[:]", rates="long long[:]", weights="long long[:]",
        floors="long long[:]", scores="long long[:]", lowest="int[:]", count=int, paid=int, free=int,
        i=int, j=int, ad=int, reason=int, rate="long long", units="long long", weight="long long",
        score="long long", threshold="long long", first="long long", other="long long", owner=int,
        clicks=bint, total="long long", tag=int, eligible=int, top=int, low=int, bid="long long", counts=list, best=list, dropped=list,
    )
    cdef object _select(self, list tags, list relevance, Asked asked, long long cap, long long kept)
