"""One line of a list to a lead, or to what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

from audience.contacts import clean, email_of, phone_of
from audience.policy import consent_time_ok
from audience.special import names_special_category
from audience.types import PURPOSES, LawfulBasis, LeadDraft, Problem, Terms
from domain.geo import COUNTRIES

#: Characters a field may have; what is longer is no name.
_LONGEST = {
    "given_name": 80, "family_name": 80, "name": 160, "company": 160, "job_title": 120, "consent_text": 2_000,
    "source_ref": 200, "interests": 1_000,
}  # fmt: skip
_MOST_INTERESTS, _INTEREST_CHARS = 20, 60
_FORMULA = re.compile(r"^[\s\x00-\x1f]*[=+\-@＝＋－＠]")
_MARKUP = re.compile(r"<\s*[a-z!/?]|javascript:", re.I)
_LEFT_OUT = {
    "formula": "The cell {} begins like a formula; it was left out.",
    "markup": "The cell {} holds markup; it was left out.",
    "too_long": "The cell {} is too long; it was left out.",
}
_BASES = ", ".join(LawfulBasis)
_SPLIT = re.compile(r"[;,|、；]")
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$")
_YES = frozenset(("1", "true", "yes", "y", "x", "t", "はい", "停止", "拒否"))
_COUNTRIES = {
    "japan": "JP",
    "日本": "JP",
    "united states": "US",
    "usa": "US",
    "united states of america": "US",
    "アメリカ": "US",
    "united kingdom": "GB",
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "germany": "DE",
    "deutschland": "DE",
    "france": "FR",
    "italy": "IT",
    "spain": "ES",
    "netherlands": "NL",
    "canada": "CA",
    "australia": "AU",
    "new zealand": "NZ",
    "ireland": "IE",
    "south korea": "KR",
    "korea": "KR",
    "taiwan": "TW",
    "singapore": "SG",
    "india": "IN",
    "china": "CN",
    "brazil": "BR",
    "mexico": "MX",
    "switzerland": "CH",
    "austria": "AT",
    "sweden": "SE",
}
_LANGUAGES = {
    "en": "eng", "english": "eng", "ja": "jpn", "jp": "jpn", "japanese": "jpn", "日本語": "jpn", "英語": "eng",
    "de": "deu", "fr": "fra", "es": "spa", "it": "ita", "zh": "zho", "ko": "kor", "pt": "por", "nl": "nld",
}  # fmt: skip

Note = Callable[[Problem], None]


class RowReader:
    """Reads the lines of one list.

    Args:
        columns: Where each field stands.
        terms: What holds where a row says nothing.
        now: When the list is read.
    """

    def __init__(self, columns: Mapping[str, int], terms: Terms, now: datetime) -> None:
        self._columns = columns
        self._terms = terms
        self._now = now

    def read(self, line: int, row: Sequence[str] | None, note: Note) -> LeadDraft | None:
        """Return the lead of a line; None if the line is left out.

        Args:
            line: Its number.
            row: Its cells; None for a damaged line.
            note: Is told every problem.
        """
        if row is None:
            note(Problem(line, "damaged", "The line is damaged; check its quotes."))
            return None
        cells = _Cells(line, row, self._columns, note)
        if cells.broken():
            note(Problem(line, "encoding", "The line is not in the encoding of the file."))
            return None
        country = _country(cells.plain("country")) or self._terms.country
        email, phone = self._contact(cells, country)
        if not email and not phone:
            note(
                Problem(
                    line, "no_contact", "The row has no usable e-mail address or telephone number."
                )
            )
            return None
        given, family = cells.text("given_name"), cells.text("family_name")
        if not given and not family:
            given, family = _names(cells.text("name"))
        draft = LeadDraft(
            email=email,
            phone=phone,
            given_name=given,
            family_name=family,
            company=cells.text("company"),
            job_title=cells.text("job_title"),
            country=country,
            language=_language(cells.plain("language")),
            interests=_interests(cells),
            source=self._terms.source,
            source_ref=cells.text("source_ref") or None,
            lawful_basis=self._terms.lawful_basis,
            basis_note=self._terms.note,
            purposes=self._terms.purposes,
            unsubscribed=cells.plain("unsubscribed").casefold() in _YES,
            line=line,
        )
        # Whoever does not want to be written to needs no basis for that.
        return draft if draft.unsubscribed or self._basis(draft, cells) else None

    def _contact(self, cells: _Cells, country: str) -> tuple[str, str]:
        stated, number = cells.plain("email"), cells.plain("phone")
        email, phone = (
            email_of(stated) if stated else "",
            phone_of(number, country) if number else "",
        )
        if email is None:
            cells.say("email", "That is no e-mail address; it needs a name, an @ and a host.")
        if phone is None:
            cells.say(
                "phone", "That is no telephone number, or the country it is from is not stated."
            )
        return email or "", phone or ""

    def _basis(self, draft: LeadDraft, cells: _Cells) -> bool:
        """Fill in why the person may be written to; tell what is missing."""
        stated = cells.plain("lawful_basis").casefold().replace(" ", "_")
        if stated:
            if stated not in set(LawfulBasis):
                cells.reject("basis", f"That lawful basis is not known; use {_BASES}.")
                return False
            draft.lawful_basis = LawfulBasis(stated)
        purposes = [
            p.strip().casefold() for p in _SPLIT.split(cells.plain("purposes")) if p.strip()
        ]
        if purposes:
            draft.purposes = tuple(p for p in PURPOSES if p in purposes)
        when = cells.plain("consent_at")
        draft.consent_at = moment_of(when) if when else self._terms.consent_at
        draft.consent_text = cells.text("consent_text") or self._terms.consent_text
        if draft.lawful_basis is not LawfulBasis.CONSENT:
            if len(draft.basis_note.strip()) < 10:
                cells.reject("basis", "What the basis rests on is not stated; say it in `note`.")
                return False
            return True
        if draft.consent_at is None or not draft.consent_text:
            cells.reject("no_consent", "When, or to which words, the person agreed is not stated.")
            return False
        if not consent_time_ok(draft.consent_at, self._now):
            cells.reject("consent_time", "The time of consent lies in the future or before 1995.")
            return False
        if "marketing" not in draft.purposes:
            cells.reject("no_consent", "The person has not agreed to marketing.")
            return False
        return True


class _Cells:
    """The cells of one line by field."""

    def __init__(
        self, line: int, row: Sequence[str], columns: Mapping[str, int], note: Note
    ) -> None:
        self._line, self._row, self._columns, self._note = line, row, columns, note

    def plain(self, field: str) -> str:
        """Return a cell as it stands, without outer blanks."""
        at = self._columns.get(field)
        return self._row[at].strip() if at is not None and at < len(self._row) else ""

    def text(self, field: str) -> str:
        """Return a cell that people will read; what a spreadsheet or a page would run is left out."""
        text, problem = readable(field, self.plain(field))
        if problem:
            self.say(problem, _LEFT_OUT[problem].format(field))
        return text

    def broken(self) -> bool:
        """Return whether a cell that counts could not be decoded."""
        return any(
            not cell.isascii() and any("\udc80" <= c <= "\udcff" for c in cell)
            for at in self._columns.values()
            if at < len(self._row) and (cell := self._row[at])
        )

    def say(self, code: str, reason: str) -> None:
        """Tell what is wrong with a cell."""
        self._note(Problem(self._line, code, reason, rejected=False))

    def reject(self, code: str, reason: str) -> None:
        """Tell why the line is left out."""
        self._note(Problem(self._line, code, reason))


def readable(field: str, stated: str) -> tuple[str, str]:
    """Return a text as people may read it, and the code of why it is left out (empty if it is not).

    Args:
        field: Of a lead; says how long the text may be.
        stated: As it came.
    """
    if not stated or stated in {"-", "–", "—"}:
        return "", ""
    if _FORMULA.match(stated):
        return "", "formula"
    if _MARKUP.search(stated):
        return "", "markup"
    text = clean(stated)
    return ("", "too_long") if len(text) > _LONGEST.get(field, 200) else (text, "")


def moment_of(stated: str) -> datetime | None:
    """Return a time that cannot be misread (ISO 8601, `2026/3/5`, `2026年3月5日`), UTC if it names no zone."""
    text = stated.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        day = _DAY.match(text)
        if day is None:
            return None
        try:
            found = datetime.combine(date(*map(int, day.groups())), datetime.min.time())
        except ValueError:
            return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _country(stated: str) -> str:
    code = stated.upper()
    return code if code in COUNTRIES else _COUNTRIES.get(clean(stated).casefold(), "")


def _language(stated: str) -> str:
    head = stated.casefold().replace("_", "-").split("-")[0]
    return _LANGUAGES.get(head, head if head in set(_LANGUAGES.values()) else "")


def _names(full: str) -> tuple[str, str]:
    """Return given and family name of a full one: Japanese names begin with the family's."""
    first, _, rest = full.partition(" ")
    if rest and re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", full):
        return rest[:80], first[:80]
    given, _, family = full.rpartition(" ")
    return (given[:80], family[:80]) if given else (full[:80], "")


def _interests(cells: _Cells) -> tuple[str, ...]:
    found = []
    for part in _SPLIT.split(cells.text("interests")):
        interest = part.strip().casefold()[:_INTEREST_CHARS]
        if not interest:
            continue
        if names_special_category(interest):
            cells.say(
                "special_category", "An interest names a special category of data; it was left out."
            )
            continue
        found.append(interest)
    return tuple(dict.fromkeys(found))[:_MOST_INTERESTS]
