"""Characters that a reader cannot see but a program can."""

from __future__ import annotations

import re

#: Zero-width, bidi controls, tags, soft hyphen, invisible operators, interlinear marks, variation selectors.
#: Source: Unicode 17.0 general category Cf and Default_Ignorable_Code_Point, checked 2026-11.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
