"""One line of a list to a lead: addresses, numbers, names, consent; and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import csv_file
from audience.columns import columns_of
from audience.contacts import Hasher, clean, email_of, phone_of
from audience.policy import check_terms
from audience.rows import RowReader, moment_of
from audience.types import LawfulBasis, LeadDraft, Problem, Terms
from domain.errors import ParleyError

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TERMS = Terms(
    source="newsletter",
    lawful_basis=LawfulBasis.CONSENT,
    consent_text="Yes, write to me about shoes.",
    consent_at=datetime(2026, 5, 1, tzinfo=UTC),
    country="JP",
)
HEADER = [
    "E-mail",
    "Phone",
    "First name",
    "Last name",
    "Company",
    "Interests",
    "Opt in date",
    "Unsubscribed",
]


def read(
    *cells: str, header: list[str] = HEADER, terms: Terms = TERMS
) -> tuple[LeadDraft | None, list[str]]:
    told: list[Problem] = []
    reader = RowReader(columns_of(header, {}), terms, NOW)
    return reader.read(7, cells, told.append), [p.code for p in told]


def test_a_row_becomes_a_lead() -> None:
    lead, told = read(
        " Aiko.SATO@Kaze.example ",
        "03-1234-5678",
        "Aiko",
        "Sato",
        "Kaze",
        "Trail Shoes; Socks;socks",
        "2026-10-01",
        "",
    )
    assert told == []
    assert lead is not None
    assert (lead.email, lead.phone) == ("aiko.sato@kaze.example", "+81312345678")
    assert (lead.given_name, lead.family_name, lead.company) == ("Aiko", "Sato", "Kaze")
    assert lead.interests == ("trail shoes", "socks")
    assert lead.consent_at == datetime(2026, 10, 1, tzinfo=UTC)
    assert lead.consent_text == TERMS.consent_text
    assert lead.line == 7


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("a@b.example", "a@b.example"),
        ("<A@B.Example>", "a@b.example"),
        ("mailto:a@b.example", "a@b.example"),
        ("a+x@b.example", "a+x@b.example"),
        ("太郎@例え.jp", "太郎@xn--r8jz45g.jp"),
        ("a\u200b@b.example", "a@b.example"),
        ("ａ＠ｂ.example", "a@b.example"),
        ("a@b", None),
        ("a b@c.example", None),
        ("a@b..example", None),
        ("@b.example", None),
        ("a@b.example, c@d.example", None),
        ("x" * 300 + "@b.example", None),
        ("", None),
    ],
)
def test_one_form_of_an_address(stated: str, meant: str | None) -> None:
    assert email_of(stated) == meant


@pytest.mark.parametrize(
    ("stated", "country", "meant"),
    [
        ("03-1234-5678", "JP", "+81312345678"),
        ("+81 (0)3 1234 5678", "", "+81312345678"),
        ("0044 20 7946 0958", "", "+442079460958"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("1-212-555-0100", "US", "+12125550100"),
        ("０３－１２３４－５６７８", "JP", "+81312345678"),
        ("03-1234-5678", "", None),
        ("call me", "JP", None),
        ("12", "JP", None),
        ("+1234567890123456", "", None),
        ("03-1234-5678 内線3", "JP", None),
    ],
)
def test_one_form_of_a_number(stated: str, country: str, meant: str | None) -> None:
    assert phone_of(stated, country) == meant


def test_hashes_are_keyed_and_of_one_organisation() -> None:
    one, other, elsewhere = (
        Hasher(b"k" * 32, "org_a"),
        Hasher(b"k" * 32, "org_b"),
        Hasher(b"x" * 32, "org_a"),
    )
    hashes = {h.email("a@b.example") for h in (one, other, elsewhere)} | {one.phone("a@b.example")}
    assert len(hashes) == 4
    assert one.email("a@b.example") == Hasher(b"k" * 32, "org_a").email("a@b.example")
    assert one.email("") is None


@pytest.mark.parametrize(
    "cell",
    ["=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "\t=1", "＝1", ' =HYPERLINK("http://x")'],
)
def test_formulas_in_names_are_left_out(cell: str) -> None:
    lead, told = read("a@b.example", "", cell, "Sato", cell, "", "", "")
    assert lead is not None
    assert (lead.given_name, lead.family_name, lead.company) == ("", "Sato", "")
    assert told == ["formula", "formula"]


def test_hostile_text_in_names() -> None:
    lead, told = read(
        "a@b.example", "", "<img src=x onerror=alert(1)>", "Sa\u202eto\x00", "x" * 500, "", "", ""
    )
    assert lead is not None
    assert (lead.given_name, lead.family_name, lead.company) == ("", "Sato", "")
    assert told == ["markup", "too_long"]
    lead, _ = read("a@b.example", "", "Robert'); DROP TABLE leads;--", "-", "", "", "", "")
    assert lead is not None
    assert (lead.given_name, lead.family_name) == ("Robert'); DROP TABLE leads;--", "")


def test_special_categories_are_no_interests() -> None:
    lead, told = read("a@b.example", "", "", "", "", "shoes;diabetes;宗教", "", "")
    assert lead is not None
    assert lead.interests == ("shoes",)
    assert told == ["special_category", "special_category"]


@pytest.mark.parametrize(
    ("cells", "codes"),
    [
        (("", "", "A", "B"), ["no_contact"]),
        (("no mail", "", "A", "B"), ["email", "no_contact"]),
        (("a@b.example", "", "", "", "", "", "2030-01-01"), ["consent_time"]),
        (("a@b.example", "", "", "", "", "", "03/04/2026"), ["no_consent"]),
        (("a\udcff@b.example",), ["encoding"]),
        (("a@b.example", "12", "A"), ["phone"]),
    ],
)
def test_what_is_wrong_is_said_by_code(cells: tuple[str, ...], codes: list[str]) -> None:
    lead, told = read(*cells)
    assert told == codes
    assert (lead is None) == (codes != ["phone"])


def test_consent_needs_a_time_and_words_and_other_bases_a_note() -> None:
    bare = Terms(source="crm", lawful_basis=LawfulBasis.CONSENT)
    assert read("a@b.example", terms=bare)[1] == ["no_consent"]
    assert read("a@b.example", "", "", "", "", "", "", "yes", terms=bare)[0] is not None
    header = ["email", "lawful basis", "consent text", "consent date"]
    assert (
        read("a@b.example", "", "I agree to mail.", "2026-01-01", header=header, terms=bare)[0]
        is not None
    )
    assert read("a@b.example", "contract", "", "", header=header, terms=bare)[1] == ["basis"]
    assert read("a@b.example", "because", "", "", header=header, terms=bare)[1] == ["basis"]
    only = Terms(
        source="crm", lawful_basis=LawfulBasis.CONTRACT, note="Order terms of 2026, section 4"
    )
    assert read("a@b.example", terms=only)[0] is not None
    told = read("a@b.example", "enrichment", header=["email", "purposes"])[1]
    assert told == ["no_consent"]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (
            Terms(source="scraped from LinkedIn", lawful_basis=LawfulBasis.CONSENT),
            "people_not_scraped",
        ),
        (
            Terms(
                source="x",
                lawful_basis=LawfulBasis.LEGITIMATE_INTEREST,
                note="a purchased list of ours",
            ),
            "people_not_scraped",
        ),
        (Terms(source="diabetes patients", lawful_basis=LawfulBasis.CONSENT), "special_category"),
        (Terms(source="crm", lawful_basis=LawfulBasis.CONTRACT), "basis_not_stated"),
        (
            Terms(source="crm", lawful_basis=LawfulBasis.CONSENT, consent_text="yes"),
            "basis_not_stated",
        ),
        (
            Terms(
                source="crm",
                lawful_basis=LawfulBasis.CONSENT,
                consent_at=datetime(2030, 1, 1, tzinfo=UTC),
            ),
            "consent_time",
        ),
        (Terms(source="crm", lawful_basis=LawfulBasis.CONSENT, country="XX"), "country_unknown"),
        (
            Terms(source="crm", lawful_basis=LawfulBasis.CONSENT, purposes=("resale",)),
            "purpose_unknown",
        ),
    ],
)
def test_lists_that_may_not_come_in(terms: Terms, code: str) -> None:
    with pytest.raises(ParleyError) as error:
        check_terms(terms, NOW)
    assert error.value.code == code


def test_headers_in_both_languages_and_by_mapping() -> None:
    assert columns_of(["メールアドレス", "お名前", "会社名"], {}) == {
        "email": 0,
        "name": 1,
        "company": 2,
    }
    assert columns_of(["Kontakt", "Mail"], {"email": "kontakt"}) == {"email": 0}
    for header, mapping, code in (
        (["a", "b"], {}, "no_contact_column"),
        (["email"], {"phone": "Tel"}, "column_missing"),
        (["email"], {"shoe": "email"}, "mapping_field"),
    ):
        with pytest.raises(ParleyError) as error:
            columns_of(header, mapping)
        assert error.value.code == code


def test_japanese_names_begin_with_the_family() -> None:
    for name, both in (
        ("佐藤 愛子", ("愛子", "佐藤")),
        ("Aiko M Sato", ("Aiko M", "Sato")),
        ("Aiko", ("Aiko", "")),
    ):
        lead, _ = read("a@b.example", name, header=["email", "name"])
        assert lead is not None
        assert (lead.given_name, lead.family_name) == both


@pytest.mark.parametrize(
    "text",
    [
        "email,name\na@b.example,佐藤\n".encode(),
        "\ufeffemail,name\na@b.example,佐藤\n".encode(),
        "email;name\na@b.example;佐藤\n".encode("utf-16"),
        "email\tname\na@b.example\tさとう です\n".encode("cp932"),
        b'email,name\n"a@b.example","x\ny"\n',
        b"email,name\r\na@b.example,x\r\n\r\n,\r\n",
    ],
)
def test_encodings_and_separators(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text)
    found = [row for _, row in csv_file.rows(path)]
    assert found[0] == ["email", "name"]
    assert len(found) == 2
    assert found[1] is not None
    assert found[1][0] == "a@b.example"


def test_files_that_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    for data, code in (
        (b"", "file_empty"),
        (b"PK\x03\x04zip", "file_not_table"),
        (b"\x00\x01" * 500, "file_not_table"),
    ):
        path.write_bytes(data)
        with pytest.raises(ParleyError) as error:
            list(csv_file.rows(path))
        assert error.value.code == code


def test_an_open_quote_costs_what_it_swallows_and_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b'email,name\na@b.example,x\n"' + b"b@b.example,y\n" * 20_000)
    found = list(csv_file.rows(path))
    assert found[1][1] == ["a@b.example", "x"]
    assert any(row is None for _, row in found)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_row_breaks_the_reader(one: str, two: str, three: str) -> None:
    lead, told = read(one, two, three, one, two, three, one, two)
    assert lead is not None or told
    if lead is not None:
        for text in (lead.given_name, lead.family_name, lead.company):
            assert text == clean(text)
            assert text[:1] not in tuple("=+-@") or not text


@given(st.text(max_size=30))
def test_addresses_and_numbers_have_one_form_only(text: str) -> None:
    address, number = email_of(text), phone_of(text, "JP")
    assert address is None or email_of(address) == address
    assert number is None or phone_of(number) == number


def test_times_that_cannot_be_misread() -> None:
    assert moment_of("2026-10-01T09:00:00+09:00") == datetime(2026, 10, 1, tzinfo=UTC)
    assert moment_of("2026年3月5日") == datetime(2026, 3, 5, tzinfo=UTC)
    assert moment_of("2026/3/5") == datetime(2026, 3, 5, tzinfo=UTC)
    assert moment_of("3/5/2026") is None
    assert moment_of("2026-02-31") is None
