"""Pictures: painted and measured, not only planned."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from domain.errors import BadInput, NotFound, Unprocessable
from tools.render import Scene, Slot, problems, read_picture, render, slot_of, slots_of
from tools.render.colour import (
    LARGE_CONTRAST,
    TEXT_CONTRAST,
    WHITE,
    contrast,
    palette,
    parse,
    readable,
)
from tools.render.fonts import width
from tools.render.layout import plan
from tools.render.lines import NOT_FIRST, NOT_LAST, break_lines, is_widow
from tools.render.paint import paint
from tools.render.slots import load_slots

ENGLISH = Scene(
    headline="Kaze Ridge Trail Running Shoes", body="4 mm rubber lugs grip muddy paths.", price="$138",
    brand="Kaze Trail", colours=("#1f4f5b", "#f2b544"), seed="S1",
)  # fmt: skip
JAPANESE = Scene(
    headline="カゼ・リッジ トレイルランニングシューズ", body="4mmのラバーラグがぬかるんだ道をとらえます。",
    price="138ドル", brand="Kaze Trail", colours=("#8c2f39", "#f6e7cb"), seed="S2",
)  # fmt: skip
SLOTS = [slot for slot in load_slots() if slot.kind == "image"]


def ids(slot: Slot) -> str:
    return slot.id


def ink(scene: Scene, slot: Slot) -> tuple[int, int, int, int]:
    """Return the box of every pixel that the words change, by painting with and without them."""
    planned = plan(scene, slot, palette(scene.colours))
    with_words = paint(planned, scene)
    without = paint(replace(planned, texts=()), scene)
    box = ImageChops.difference(with_words, without).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("slot", SLOTS, ids=ids)
@pytest.mark.parametrize("scene", [ENGLISH, JAPANESE], ids=["eng", "jpn"])
def test_words_stay_in_what_is_not_drawn_over(scene: Scene, slot: Slot) -> None:
    left, top, right, bottom = slot.free
    box = ink(scene, slot)
    assert left <= box[0] < box[2] <= right
    assert top <= box[1] < box[3] <= bottom


@pytest.mark.parametrize("slot", SLOTS, ids=ids)
@pytest.mark.parametrize("scene", [ENGLISH, JAPANESE], ids=["eng", "jpn"])
def test_every_place_gets_its_exact_pixels_and_readable_text(scene: Scene, slot: Slot) -> None:
    drawing = render(scene, slot)
    assert drawing.problems == ()
    with Image.open(io.BytesIO(drawing.data)) as image:
        assert image.size == (slot.width, slot.height) == (drawing.width, drawing.height)
    assert drawing.contrast >= TEXT_CONTRAST
    assert len(drawing.data) <= slot.max_bytes
    assert drawing.plan.left_out == ()
    for placed in drawing.plan.texts:
        assert not placed.widow
        assert placed.whole
        assert placed.widest <= placed.box[2] - placed.box[0]


def test_words_do_not_overlap() -> None:
    for slot in SLOTS:
        for scene in (ENGLISH, JAPANESE):
            texts = plan(scene, slot, palette(scene.colours)).texts
            for above, below in pairwise(texts):
                assert above.top + above.height <= below.top + 1, (slot.id, above.lines)


def test_the_same_scene_gives_the_same_bytes() -> None:
    slot = slot_of("meta.story")
    first, second = (hashlib.sha256(render(JAPANESE, slot).data).hexdigest() for _ in range(2))
    assert first == second
    other = replace(JAPANESE, headline="カゼ・リッジ")
    assert hashlib.sha256(render(other, slot).data).hexdigest() != first


@pytest.mark.parametrize("slot", [s for s in load_slots() if s.kind == "logo"], ids=ids)
def test_logos_fit_their_places(slot: Slot) -> None:
    drawing = render(ENGLISH, slot)
    assert drawing.problems == ()
    uploaded = render(replace(ENGLISH, logo=picture((300, 120), clear=True)), slot)
    assert uploaded.problems == ()
    assert uploaded.plan.texts == ()


def picture(size: tuple[int, int], *, clear: bool = False, kind: str = "PNG") -> bytes:
    image = Image.new("RGBA" if clear else "RGB", size, (0, 0, 0, 0) if clear else (90, 120, 60))
    ImageDraw.Draw(image).ellipse((10, 10, size[0] - 10, size[1] - 10), fill=(200, 40, 40))
    file = io.BytesIO()
    image.save(file, format=kind)
    return file.getvalue()


def test_a_product_picture_stands_in_its_room() -> None:
    slot = slot_of("google.square")
    drawing = render(replace(ENGLISH, picture=picture((900, 700))), slot)
    assert (drawing.media_type, drawing.problems) == ("image/jpeg", ())
    with Image.open(io.BytesIO(drawing.data)) as image:
        room = drawing.plan.art
        red = image.getpixel(((room[0] + room[2]) // 2, (room[1] + room[3]) // 2))
        assert isinstance(red, tuple)
        assert red[0] > 150 > red[1]


def test_what_is_no_picture_is_refused() -> None:
    for data in (b"", b"<svg/>", picture((50, 50))[:60]):
        with pytest.raises(BadInput, match="picture"):
            read_picture(data)
    with pytest.raises(BadInput, match="pixels"):
        read_picture(picture((8_001, 30)))
    with pytest.raises(BadInput, match="bytes"):
        read_picture(b"\0" * 10_000_001)


def test_files_are_held_against_their_place() -> None:
    slot = slot_of("google.marketing")
    assert "ratio" in problems(picture((1200, 1200)), slot)[0]
    assert "pixels" in problems(picture((191, 100)), slot)[0]
    assert problems(b"x", slot) == ("It is no picture.",)
    small = replace(slot, max_bytes=10)
    assert "bytes" in problems(picture((1200, 628)), small)[0]
    assert problems(picture((1200, 628)), slot) == ()


def test_places_have_sources_and_their_own_ratio() -> None:
    for slot in load_slots():
        assert abs(slot.width / slot.height / slot.ratio - 1) <= slot.tolerance
        assert slot.source
        assert slot.checked_on <= date(2026, 11, 21) < slot.expires_on
    assert slots_of("producthunt") == ()
    with pytest.raises(NotFound, match=r"meta\.poster"):
        slot_of("meta.poster")


def test_a_headline_that_cannot_fit_is_said() -> None:
    with pytest.raises(Unprocessable, match="does not fit"):
        render(replace(ENGLISH, headline="Rindfleisch" * 12), slot_of("google.marketing"))


# --- colours ---------------------------------------------------------------------------------------------


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(WHITE, (0, 0, 0)) == pytest.approx(21)
    assert contrast(parse("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast(parse("#767676"), WHITE) == pytest.approx(4.54, abs=0.01)
    with pytest.raises(BadInput, match="rrggbb"):
        parse("red")


COLOUR = st.tuples(*[st.integers(0, 255)] * 3)


@settings(deadline=None)
@given(COLOUR, COLOUR)
def test_any_two_colours_become_readable(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    assert contrast(readable(one, other, TEXT_CONTRAST), other) >= TEXT_CONTRAST
    if contrast(one, other) >= TEXT_CONTRAST:
        assert readable(one, other, TEXT_CONTRAST) == one


@settings(deadline=None)
@given(st.lists(COLOUR, max_size=3))
def test_every_brands_palette_is_readable(colours: list[tuple[int, int, int]]) -> None:
    found = palette(["#{:02x}{:02x}{:02x}".format(*c) for c in colours])
    assert contrast(found.text, found.ground) >= TEXT_CONTRAST
    assert contrast(found.accent, found.ground) >= LARGE_CONTRAST
    assert contrast(found.on_accent, found.accent) >= TEXT_CONTRAST


def test_a_correction_is_said() -> None:
    assert palette(("#ffffff", "#fefefe")).corrected == ("accent",)
    assert palette(("#1f4f5b", "#f2b544")).corrected == ()


# --- lines -----------------------------------------------------------------------------------------------

MEASURE = partial(width, size=40)


@pytest.mark.parametrize(
    ("text", "most", "lines"),
    [
        ("4mmのラバーラグがぬかるんだ道をとらえます。", 640, ["4mmのラバーラグが", "ぬかるんだ道をとらえます。"]),
        ("トレイルランニングシューズをお探しですか？", 620, ["トレイルランニングシューズを", "お探しですか？"]),
        ("カゼ・リッジ トレイルランニングシューズ", 620, ["カゼ・リッジ", "トレイルランニングシューズ"]),
        ("Short words only", 900, ["Short words only"]),
        ("", 100, []),
    ],
)  # fmt: skip
def test_lines_break_where_a_reader_pauses(text: str, most: float, lines: list[str]) -> None:
    assert break_lines(text, most, MEASURE) == lines


JAPANESE_TEXT = st.text(alphabet="走るシューズ、。「」（）ーッ山道3km Aa!", min_size=1, max_size=40)


@settings(deadline=None, max_examples=120)
@given(JAPANESE_TEXT, st.integers(180, 600))
def test_kinsoku_holds_and_nothing_is_lost(text: str, most: int) -> None:
    lines = break_lines(text, most, MEASURE)
    if lines is None:
        return
    assert "".join("".join(lines).split()) == "".join(text.split())
    for number, line in enumerate(lines):
        assert MEASURE(line) <= most
        assert number == 0 or line[0] not in NOT_FIRST
        assert number == len(lines) - 1 or line[-1] not in NOT_LAST


def test_a_last_line_of_one_short_word_is_a_widow() -> None:
    assert is_widow(["A rock plate protects the forefoot", "now."], len)
    assert not is_widow(["A rock plate protects", "the forefoot on trails."], len)
    broken = break_lines("A rock plate protects the forefoot on stony trails and a", 700, MEASURE)
    assert broken is not None
    assert not is_widow(broken, MEASURE)
