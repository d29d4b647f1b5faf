"""Special categories of personal data: nobody is chosen, described or scored by one.

GDPR Art. 9 (health, belief, origin, orientation, politics, unions, genetics, biometrics), Art. 10 (offences), and
what stands close to them. A list of words: it finds what is named, not what is hinted at.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPECIAL = re.compile(
    r"\b(?:diabet\w*|cancer|depress(?:ed|ion|ive)|anxiety disorder|bipolar|hiv|aids|epilep\w*|autis\w*|pregnan\w*|"
    r"infertil\w*|disab(?:led|ility|ilities)|chronic(?:ally)? ill\w*|obes\w*|addict(?:s|ion|ed)?|alcoholi\w*|"
    r"relig(?:ion|ious)\w*|christians?|catholics?|muslims?|jew(?:s|ish)|hindus?|buddhists?|atheists?|"
    r"ethnic\w*|rac(?:e|ial) (?:group|origin|background)|race|racial|immigrants?|refugees?|asylum|"
    r"gay|lesbian|bisexual|transgender|lgbt\w*|sexual orientation|trade union|union members?|"
    r"political(?:ly)?|republicans?|democrats?|conservative voters?|criminal record|ex-offenders?|convict(?:s|ed)|"
    r"genetic (?:data|disorder)|biometric)\b"
    r"|宗教|信仰|民族|人種|同性愛|性的指向|LGBT|持病|病歴|糖尿病|うつ病|がん患者|妊娠|障害者|依存症|労働組合|政治的|支持政党|前科"
    r"|在日|難民|移民",
    re.I,
)
#: Sport is no origin and a match no illness.
_HARMLESS = re.compile(
    r"\b(?:race (?:day|shoes?|bikes?|cars?|results?|distance|pace|training)|"
    r"(?:foot|trail|road|cycle|boat|horse) races?|(?:running|cycling|sailing|drag|rat) race|"
    r"race (?:the|to|against))\b",
    re.I,
)


@lru_cache(maxsize=4_096)
def names_special_category(text: str) -> bool:
    """Return whether a text names a special category of personal data."""
    return bool(_SPECIAL.search(_HARMLESS.sub(" ", text)))
