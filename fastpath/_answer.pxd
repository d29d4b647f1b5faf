cimport cython

from fastpath._tokens cimport Macs, base64url

cdef Py_ssize_t _MOST
cdef int _KEPT
cdef object _EMPTY, _GRANTED, _REFUSED, _SENSITIVE, _SECOND, _DAY_MS, _TTL_MS, _json, _pack
cdef str _PAUSE
cdef bytes _ASK, _NO_AD, _MESSAGE, _FEATURES, _CONTEXT, _REASON, _WINNER, _RANK, _PROPENSITY, _PRICE, _VCG, _HOLD
cdef bytes _ELIGIBLE, _HOW_MANY, _DROPPED, _COUNTS, _MAC, _SIGNATURE, _HASH, _UNSIGNED, _NOBODY, _END
cdef dict _ENDS, _CODES, _UNWON


@cython.final
cdef class Card:
    cdef readonly object ad
    cdef readonly bytes before, after, issued, priced, named, end, ids, terms, held, house


@cython.final
cdef class Seals:
    cdef readonly Macs nonces
    cdef readonly object sign
    cdef readonly bytes caps_key


@cython.final
cdef class Book:
    cdef readonly object snapshot
    cdef readonly str snapshot_id
    cdef readonly bytes opening
    cdef readonly dict cards, whys, ends, apps
    @cython.locals(key=tuple)
    cpdef Card card(self, int number, str language)
    @cython.locals(key=tuple)
    cpdef bytes why(self, str language, int form)
    @cython.locals(key=tuple)
    cpdef tuple ending(self, object features)
    cpdef bytes app(self, str app_id)
    cpdef bytes signed(self, Card card, object context, object proposal)
    @cython.locals(why=bytes)
    cpdef bytes granted(
        self, Card card, object features, object context, object proposal, bytes mac, bytes signed, bytes signature)
    cpdef bytes refused(self, object features, str request_id, str code)
    cpdef tuple around(self, object features, str request_id)
    cpdef bytes offer(self, Card card, object context, object proposal, str conversation)
    @cython.locals(head=bytes, middle=bytes, seals=bytes, end=bytes)
    cpdef bytes entry(
        self, str conversation, str message, object features, object context, object proposal, object engine,
        bytes mac, bytes signature, bytes digest)


@cython.locals(
    card=Card, signed=bytes, mac=bytes, signature=bytes, refused=bytes, granted=bytes, paused=bytes, entry=bytes)
cpdef object question(
    Book book, Seals seals, object request, object features, object context, object proposal, object engine,
    str conversation, str message, bint final)
cpdef bytes answers_hash(bytes granted, bytes refused)
cdef object _keep(dict kept, object key, object made)
