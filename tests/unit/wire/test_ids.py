"""Texts that are no ids."""

import pytest

from adapter.wire.ids import NO_IDS, is_no_id, no_ids


@pytest.mark.parametrize(
    "text",
    [
        "undefined",
        "NULL",
        " None ",
        "NaN",
        "(null)",
        "[object Object]",
        "[OBJECT OBJECT]",
        "\u00a0null\n",
        "[object  Object]",
        "ＮＵＬＬ",
        "\ufeffnull",
        "unde\u200bfined",
        "\u200b",
        " \ufeff\u2060 ",
        "\ufffd\ufffd",
    ],
)
def test_what_stands_for_a_missing_value_is_no_id(text: str) -> None:
    """In any case of letters, with any space around it."""
    assert is_no_id(text, NO_IDS)


@pytest.mark.parametrize(
    "text",
    [
        "undefined-1",
        "nullable",
        "u-1",
        "0",
        "guest",
        "Nan Goldin",
        "object Object",
        "ＮＵＬＬＡ",
        "nu ll",
        "ñull",
        "नल",
        "u\ufffd",
        "\u200bu",
    ],
)
def test_ids_are_ids(text: str) -> None:
    """A person may be called almost that."""
    assert not is_no_id(text, NO_IDS)


def test_a_source_adds_and_takes_away() -> None:
    """`not_ids` and `is_id` of the settings, folded as what they are held against."""
    words = no_ids(not_ids=[" Guest", "0"], is_id=["NAN"])
    assert [is_no_id(text, words) for text in ("GUEST", "0", "nan", "null")] == [True, True, False, True]
