"""A product feed to products: CSV, TSV, JSON, JSON Lines, Google Merchant RSS or Atom."""

from __future__ import annotations

from collections.abc import Iterator

from domain.decode import decode_feed
from domain.errors import BadInput, TooLarge
from domain.product import Product, ProductSource, RowProblem
from tools.product_source.columns import product_of
from tools.product_source.feed_json import json_rows
from tools.product_source.feed_table import table_rows
from tools.product_source.feed_xml import xml_rows
from tools.product_source.rows import Row, RowError

MAX_FEED_BYTES = 100_000_000
MAX_ROWS = 50_000
MAX_PROBLEMS = 1_000


def read_feed(data: bytes, name: str) -> ProductSource:
    """Read the products of a feed; a broken row costs that row only.

    Args:
        data: The file. The format is told from its first characters, not from its name.
        name: File name; `Fact.where` is `name#L<line>:<column>.<sentence>`.

    Returns:
        Source with the usable rows in file order, and one `RowProblem` per row that was left out
        (at most `MAX_PROBLEMS`, then a last one that counts the rest). Rows after the first `MAX_ROWS`
        are not read and reported as one problem.

    Raises:
        TooLarge: `feed_too_large`.
        BadInput: `feed_empty`, `feed_not_readable`, or `feed_no_title` if no column holds a name.
    """
    if len(data) > MAX_FEED_BYTES:
        raise TooLarge(
            "feed_too_large",
            f"The feed has {len(data):,} bytes; split it into files of 100 MB or less.",
        )
    products: dict[str, tuple[int, Product]] = {}
    problems: list[RowProblem] = []
    for count, row in enumerate(_rows(data)):
        if count >= MAX_ROWS:
            problems.append(
                RowProblem(
                    row.line,
                    f"The feed has more than {MAX_ROWS:,} rows; rows from here on were not read, "
                    "so split the file.",
                )
            )
            break
        try:
            product = product_of(row, name)
            if product.key in products:
                first = products[product.key][0]
                raise RowError(f"The id {product.key[:60]!r} was already used in line {first}.")
        except RowError as error:
            problems.append(RowProblem(row.line, str(error)))
        else:
            products[product.key] = (row.line, product)
    if not products and not problems:
        raise BadInput("feed_empty", "The feed holds no rows; add one product per row.")
    return ProductSource(
        kind="feed",
        name=name,
        products=tuple(product for _, product in products.values()),
        problems=_bounded(problems),
    )


def _rows(data: bytes) -> Iterator[Row]:
    text = decode_feed(data).removeprefix("\ufeff")
    start = text.lstrip()[:200]
    if not start:
        raise BadInput("feed_empty", "The feed is empty; give a file with one product per row.")
    if text[:4096].count("\x00") > 4 or start.startswith(("%PDF", "PK\x03\x04")):
        raise _not_readable()
    if start.lower().startswith(("<!doctype html", "<html")):
        raise BadInput(
            "feed_not_readable",
            "This is a web page, not a product feed; give it as the site instead.",
        )
    if start[0] == "<":
        return xml_rows(text)
    if start[0] in "[{":
        return json_rows(text)
    return table_rows(text)


def _not_readable() -> BadInput:
    return BadInput(
        "feed_not_readable",
        "The feed is not readable text; save it as CSV, JSON Lines or Google Merchant XML in UTF-8.",
    )


def _bounded(problems: list[RowProblem]) -> tuple[RowProblem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    rest = len(problems) - MAX_PROBLEMS
    kept = problems[:MAX_PROBLEMS]
    return (*kept, RowProblem(problems[-1].line, f"{rest:,} more rows have problems like these."))
