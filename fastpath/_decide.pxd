cimport cython

from fastpath._auction cimport propose
from fastpath._choose cimport Market
from fastpath._columns cimport Asked, Desk
from fastpath._fields cimport Field

cdef Field _APP_ID, _TEST, _TOPICS, _RULE, _REFUSAL, _CONSENT_ADS, _OPPORTUNITY, _REQUEST_ID, _FORMATS
cdef Field _LANGUAGE, _GEO, _DEVICE, _NOW_MS, _BLOCKED_TOPICS, _BLOCKED_ADVERTISERS, _SPENT_CAMPAIGNS
cdef Field _CAPPED_CAMPAIGNS, _SHOWN, _PACES
cdef tuple _FIRST
cdef bytes _ALLOWED
cdef dict _LANGUAGES, _DEVICES
cdef long long _ANY_MOMENT, _LEAST_OPPORTUNITY, _DAY_MS
cdef int _FIRST_DAY


@cython.locals(desk=Desk, asked=Asked, test=bint, second=bint, kept=int, declared=dict)
cdef object _chosen(
    object snapshot, object features, object context, object app, object rule, int kept, object paces)
cpdef Desk desk_for(object snapshot, object market, object app_id, object app)
cpdef object refusal_of(object features, object context, Desk desk)
@cython.locals(asked=Asked, opportunity="long long", now="long long")
cpdef Asked asked_of(
    object snapshot, object features, object context, Desk desk, object market, object paces, bint test)
cdef object _wishes(object snapshot, object context, Asked asked)
@cython.locals(known=tuple)
cdef object _state(object snapshot, object context, object market, Asked asked, object paces)
