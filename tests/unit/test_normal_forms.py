"""Normal forms in linear time: as Unicode has them, but for rows of marks that no language writes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.mapping.run.naming import fold, nfc, snake
from adapter.wire.ids import NO_IDS, is_no_id
from adapter.wire.normal_forms import NormalForm, normalized

MARKS = st.sampled_from("\u0301\u0327\u0323\u05b0\u3099")
LETTERS = st.sampled_from("ae \u1100\u1161\u11a8\u00e9\ufb01\u0915")
WRITTEN = st.lists(st.tuples(LETTERS, st.lists(MARKS, max_size=30).map("".join)), max_size=200).map(
    lambda parts: "".join(letter + marks for letter, marks in parts)
)


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@given(text=WRITTEN)
def test_what_people_write_is_in_unicodes_form(form: NormalForm, text: str) -> None:
    """Short or long, with up to 30 marks behind a letter."""
    assert normalized(form, text) == unicodedata.normalize(form, text)
    long = text + "e\u0301" * 600
    assert normalized(form, long) == unicodedata.normalize(form, long)


def test_a_long_row_of_marks_ends() -> None:
    """Sorting a million marks by insertion would take ten minutes: more than any test may."""
    text = "a" + "\u0301" * 500_000 + "\u0327" * 500_000
    assert len(normalized("NFC", text)) >= 999_000
    for work in (nfc, snake, fold):
        work(text)
    assert not is_no_id(text, NO_IDS)
