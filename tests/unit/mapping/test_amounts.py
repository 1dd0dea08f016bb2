"""The step `number` with separators: what is written as the mapping says becomes a number, and nothing else does."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.amounts import CURRENCY_SIGNS, DECIMALS, MAX_CHARS, THOUSANDS, amount_reader
from adapter.mapping.run.scalars import same
from tests.unit.mapping.reading import value_of

US: dict[str, str] = {"thousands": ","}
GERMAN = {"decimal": ",", "thousands": "."}
FRENCH = {"decimal": ",", "thousands": " "}
SWISS = {"thousands": "'"}
PLAIN: dict[str, str] = {}


def read(value: Any, setting: dict[str, str]) -> tuple[Any, list[str]]:
    return value_of({"from": "properties.x", "apply": [{"number": setting}]}, properties={"x": value})


@pytest.mark.parametrize(
    ("text", "setting", "number"),
    [
        ("$1,234.50", US, 1234.5), ("1,234,567", US, 1234567), ("-$5.00", US, -5.0), ("$-5.00", US, -5.0),
        ("US$ 12", US, 12), ("USD 1,234.50", US, 1234.5), ("1234.5", US, 1234.5), ("₹12,34,567.5", US, 1234567.5),
        ("\u2212$5", US, -5), ("+5", US, 5), (" $5 ", US, 5), ("$.50", US, 0.5), ("5\n", US, 5), ("$5 USD", US, 5),
        ("1.234,50 €", GERMAN, 1234.5), ("1.234", GERMAN, 1234), ("EUR 0,99", GERMAN, 0.99),
        ("R$ 1.000,00", GERMAN, 1000), ("1 234,50", FRENCH, 1234.5),
        ("1\u00a0234,50\u00a0€", FRENCH, 1234.5), ("1\u202f234\u202f567 €", FRENCH, 1234567),
        ("CHF 1'234.50", SWISS, 1234.5), ("1\u2019234.50", SWISS, 1234.5),
        ("$5", PLAIN, 5), ("5,50 €", {"decimal": ","}, 5.5),
        (5, US, 5), (5.5, GERMAN, 5.5),
    ],
    ids=str,
)  # fmt: skip
def test_an_amount_is_a_number(text: Any, setting: dict[str, str], number: float) -> None:
    """Separators as the mapping names them, a sign, and a currency before or behind."""
    found, warnings = read(text, setting)
    assert same(found, number)
    assert warnings == []


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("1.234,50 €", US), ("1,23", US), ("1,2345", US), ("12,34", US), (",123", US), ("1,234,5", US),
        ("1,234.50", GERMAN), ("1.23", GERMAN), ("1 23,5", FRENCH), ("1,234", PLAIN), ("1.234.567", PLAIN),
        ("--5", US), ("-$-5", US), ("($5.00)", US), ("5k", US), ("5 %", US), ("1e3", US), ("5 items", US),
        ("12,-", GERMAN),
        ("$", US), ("", US), ("-", US), ("USD", US), ("$5 $6", US), ("٥", US), ("1" * (MAX_CHARS + 1), US),
        (True, US), ({"a": 1}, US),
    ],
    ids=str,
)  # fmt: skip
def test_a_text_written_otherwise_is_left_out(text: Any, setting: dict[str, str]) -> None:
    """A separator in another role, a group of another length or a unit never becomes a wrong number."""
    found, warnings = read(text, setting)
    assert found is ABSENT
    assert len(warnings) == 1
    assert warnings[0].endswith("is not a number with these separators")


@given(
    whole=st.integers(-(10**12), 10**12),
    cents=st.integers(0, 99),
    decimal=st.sampled_from(DECIMALS),
    thousands=st.sampled_from([*THOUSANDS, None]),
)
def test_what_is_written_is_read_again(whole: int, cents: int, decimal: str, thousands: str | None) -> None:
    """Every amount in every pair of separators is the amount that was written."""
    if decimal == thousands:
        return
    text = f"{whole:,}".replace(",", thousands or "") + f"{decimal}{cents:02d}"
    assert amount_reader(decimal=decimal, thousands=thousands)(f"{text} €") == float(f"{whole}.{cents:02d}")


def test_every_currency_sign_is_known() -> None:
    """The signs are those of Unicode in its first plane."""
    signs = {chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == "Sc"}
    assert {sign for sign in signs if not re.fullmatch(f"[{CURRENCY_SIGNS}]", sign)} == set()


def test_members_of_a_list_are_read_each() -> None:
    """As every step of this kind; one warning for what is left out."""
    assert read(["$1,000.00", "1.000,00", None, 5], US) == (
        [1000, 5],
        ["`number`: a text with a comma is not a number with these separators"],
    )
