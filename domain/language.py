"""Languages by ISO 639-3 code, as the chat wire names them."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """Languages that ads are served in."""

    ENG = "eng"
    JPN = "jpn"


#: Two-letter (ISO 639-1) to three-letter codes of the served languages.
FROM_ISO1: dict[str, Language] = {"en": Language.ENG, "ja": Language.JPN}


def parse_language(code: str) -> Language | None:
    """Return the language of `en`, `eng`, `en-US`, `ja`, `jpn`, `ja_JP`…, or None if it is not served."""
    head = code.strip().lower().replace("_", "-").split("-")[0]
    if head in FROM_ISO1:
        return FROM_ISO1[head]
    return Language(head) if head in Language._value2member_map_ else None
