"""Where the value of an argument comes from, if only the texts that were read before are known.

A model's words are nobody's: they are trusted as far as somebody trusted said the same. What it says and no
one trusted said is as untrusted as the text in which it stands, or, standing nowhere, an invention.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.invisible import INVISIBLE
from domain.trust import Span, Trust, weakest
from tools.policy.decisions import Argument

#: Shorter values stand in any longer text by chance.
_LEAST_CARRIED = 5
#: Source of a value that stands in no text.
INVENTED = "model"


def traced(value: object, spans: Sequence[Span], *, default: Trust = Trust.UNTRUSTED) -> Argument:
    """Return a value with the label that its provenance gives it.

    Each part of a list or mapping is traced by itself; the whole is worth what its least trusted part is. A part
    that a trusted span states is that span's, whoever repeats it. A longer text is also from every untrusted
    span that it holds whole: a letter that names an account number carries that number.

    Args:
        value: What a model wants to hand over.
        spans: Every text it had before it, with labels.
        default: Label of a value that stands nowhere.
    """
    labels: list[Trust] = []
    sources: list[str] = []
    known = [(span, _normal(span.text)) for span in spans]
    for part in _parts(value):
        label, places = _one(part, known, default)
        labels.append(label)
        if label is Trust.UNTRUSTED:
            sources += places
    if not labels:
        return Argument(value, Trust.OPERATOR, ("nothing",))
    return Argument(value, weakest(labels), tuple(dict.fromkeys(sources)))


def stands_in(part: object, text: str) -> bool:
    """Return whether a text states a value: the same words, or the same number, whole."""
    return _stands(part, _normal(text))


def _one(
    part: object, spans: Sequence[tuple[Span, str]], default: Trust
) -> tuple[Trust, Iterable[str]]:
    stating = [span for span, text in spans if _stands(part, text)]
    trusted = [span for span in stating if span.trust is not Trust.UNTRUSTED]
    if trusted:
        return max((span.trust for span in trusted), key=_worth), ()
    carried = [span.source for span, text in spans if _is_carried(part, span, text)]
    if stating or carried:
        return Trust.UNTRUSTED, [*(span.source for span in stating), *carried]
    return default, (INVENTED,)


def _is_carried(part: object, span: Span, text: str) -> bool:
    if span.trust is not Trust.UNTRUSTED or not isinstance(part, str) or len(text) < _LEAST_CARRIED:
        return False
    return len(text) < len(part) and _stands(text, _normal(part))


def _worth(trust: Trust) -> int:
    return 1 if trust is Trust.OPERATOR else 0


def _stands(part: object, text: str) -> bool:
    if isinstance(part, int | float):
        wanted = f"{part:g}" if isinstance(part, float) else str(part)
        return any(_number(found) == wanted for found in _NUMBER.findall(text))
    words = _normal(str(part)).strip()
    if not words:
        return True
    # A day is not stated by an hour, nor a number by a longer one: 11 does not stand in 11:30.
    edge_left = r"(?<![\w@.-])(?<!\d[:,/])" if words[0].isascii() and words[0].isalnum() else ""
    edge_right = r"(?![\w@-]|[:.,/]\d)" if words[-1].isascii() and words[-1].isalnum() else ""
    return re.search(f"{edge_left}{re.escape(words)}{edge_right}", text) is not None


_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _number(found: str) -> str:
    return f"{float(found.replace(',', '')):.12g}"


def _normal(text: str) -> str:
    shown = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(shown.casefold().split())


def _parts(value: object) -> Iterator[object]:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _parts(inner)
    else:
        yield value
