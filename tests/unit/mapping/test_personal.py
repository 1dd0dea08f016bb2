"""Personal data in texts: what is found and what is not, in a time that no text can stretch."""

from time import perf_counter

import pytest

from adapter.mapping.run.personal import FINDERS, replace_found

CARDS = {
    "Visa": "4111111111111111",
    "Visa of 13": "4222222222222",
    "Visa of 19": "4000000000000000006",
    "Mastercard": "5555555555554444",
    "Mastercard of series 2": "2223003122003222",
    "American Express": "378282246310005",
    "Discover": "6011111111111117",
    "Diners Club": "30569309025904",
    "JCB": "3530111333300000",
    "UnionPay": "6200000000000005",
    "Maestro": "6759649826438453",
}
"""Numbers that payment services publish for tests."""


def found(kind: str, text: str) -> list[str]:
    return [text[start:end] for start, end in FINDERS[kind](text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ada@example.test", ["ada@example.test"]),
        ("write to Ada.L+x@sub.example.co.uk, now", ["Ada.L+x@sub.example.co.uk"]),
        ("<ada@x.test>;'bob@y.test'", ["ada@x.test", "bob@y.test"]),
        ("mailto:ünal@bücher.example.", ["ünal@bücher.example"]),
        ("https://x.test/?e=ada%40x.test&n=1", ["ada%40x.test"]),
        ("ada＠x.test", ["ada＠x.test"]),
        ("ada﹫x.test", ["ada﹫x.test"]),
        ("u=ada%2540x%252Etest&n=1", ["ada%2540x%252Etest"]),
        ("<b>ada&#64;x.test</b>", ["ada&#64;x.test"]),
        ("ada&#064;x.test", ["ada&#064;x.test"]),
        ("ada@x。test", ["ada@x。test"]),
        ("ada@x．test", ["ada@x．test"]),
        ("ada@x%2Etest", ["ada@x%2Etest"]),
        ("ada\u200b@x.test\u200b", ["ada\u200b@x.test"]),
        ("a" * 100 + "@x.test", ["a" * 100 + "@x.test"]),
        ("x@y.test.5", ["x@y.test"]),
    ],
)
def test_an_address_is_found(text: str, parts: list[str]) -> None:
    """In the middle of a text, in any script, in quotes, and with `@` as forms encode it."""
    assert found("email", text) == parts


@pytest.mark.parametrize(
    "text",
    ["logo@2x.png", "react@18.2.0", "@https://stack.example", "@ada", "a@b", "5 @ 3.20", "ada at x.test", "a@.b"],
)
def test_what_only_has_an_at_is_no_address(text: str) -> None:
    """File names, versions, handles and prices stay."""
    assert found("email", text) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("+441234567890", ["+441234567890"]),
        ("call +44 (0)20 7946-0958!", ["+44 (0)20 7946-0958"]),
        ("tel:+1.555.123.4567", ["+1.555.123.4567"]),
        ("p=%2B441234567", ["%2B441234567"]),
        ("+٤٤١٢٣٤٥٦٧٨٩٠", ["+٤٤١٢٣٤٥٦٧٨٩٠"]),
        ("＋4412345678", ["＋4412345678"]),
        ("﹢4412345678", ["﹢4412345678"]),
        ("+[44] 20 7946 0958", ["+[44] 20 7946 0958"]),
        ("+44_20_7946_0958", ["+44_20_7946_0958"]),
        ("+44−20−7946−0958", ["+44−20−7946−0958"]),
        ("+\u200e44\u202f2079460958", ["+\u200e44\u202f2079460958"]),
        ("t=%2B1%20555%20555%200100&x=1", ["%2B1%20555%20555%200100"]),
        ("t=+1+555+555+0100&x=1", ["+1+555+555+0100"]),
        ("%2B1%20%28555%29%20555-0100", ["%2B1%20%28555%29%20555-0100"]),
    ],
)
def test_a_telephone_number_is_found(text: str, parts: list[str]) -> None:
    """`+` and 8 to 15 digits, with what people write between them."""
    assert found("phone", text) == parts


@pytest.mark.parametrize(
    "text", ["+1234567", "+1234567890123456", "441234567890", "a+12345678", "2026-11-27T04:30:00+00:00", "1+1", "C++"]
)
def test_other_numbers_are_no_telephone_numbers(text: str) -> None:
    """Too short, too long, without `+`, or a sum."""
    assert found("phone", text) == []


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("separator", ["", " ", "-", ".", "\u00a0", " - ", "+", "%20", "·", "−", "\u200b"])
def test_the_number_of_a_card_is_found(number: str, separator: str) -> None:
    """Of every issuer, whole or in groups, alone or in a sentence."""
    groups = separator.join(number[place : place + 4] for place in range(0, len(number), 4))
    assert found("card", groups) == [groups]
    assert found("card", f"order 5 paid with {groups}, thanks") == [groups]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn
        "1795644880814641",  # microseconds since 1970
        "9111111111111113",  # no issuer
        "411111111111111",  # a Visa card has 16
        "a4111111111111111",  # hexadecimal digits
        "0.4111111111111111",
        "4111111111111111.5",
        "41111111111111110000",
        "4111,1111,1111,1111",
    ],
)
def test_other_numbers_are_no_cards(text: str) -> None:
    """A long number is a card only with a known issuer, its length and its check digit."""
    assert found("card", text) == []


def test_a_card_is_found_behind_an_encoded_character() -> None:
    """The digits of `%20` are no part of a number."""
    number = CARDS["Visa"]
    assert found("card", f"pay%20{number}%20now") == [number]
    assert found("card", f"q=%22{number}%22") == [number]
    assert found("card", f"a%20{number[:4]}%20{number[4:]}") == [f"{number[:4]}%20{number[4:]}"]


def test_one_address_has_one_hash() -> None:
    """However its `@` and its dots are written."""
    for text in (
        "ada＠x.test",
        "ada%40x.test",
        "ada%2540x%2Etest",
        "ada&#64;x.test",
        "ada@x。test",
        "ada\u200b@x.test",
    ):
        assert replace_found(text, FINDERS["email"], lambda part: f"<{part}>") == "<ada@x.test>"


def test_two_cards_in_a_row_are_two() -> None:
    """What follows a card is looked at again."""
    assert found("card", "4111111111111111 5555555555554444") == ["4111111111111111", "5555555555554444"]


def test_each_part_is_changed_and_the_rest_stays() -> None:
    """A part for which there is nothing to put is taken out; a text without one is the same object."""
    text = "a@x.test, b@y.test."
    assert replace_found(text, FINDERS["email"], str.upper) == "A@X.TEST, B@Y.TEST."
    assert replace_found(text, FINDERS["email"], lambda _: None) == ", ."
    assert replace_found("none", FINDERS["email"], str.upper) == "none"
    assert replace_found("ada%40x.test", FINDERS["email"], str) == "ada@x.test"


UNITS = [
    "a", "a@", "@", "a.", "+1 ", "4 ", "4", "4a", "%40", "+(", "4111 1111 1111 111", "a@a.", "a@a.1.", "a'", "%2B",
    "\u200b", "a\u200b", "1\u200b", "%25", "a%25", "&#0", "1%20", "+1%28", "a@b%2E", "+1+",
]  # fmt: skip


@pytest.mark.parametrize("kind", FINDERS)
def test_no_text_takes_long(kind: str) -> None:
    """As long as a message may be and made to be slow: each is done in a small multiple of what reading it takes."""
    for unit in UNITS:
        for text in (unit * (512_000 // len(unit)), "x@" + unit * (256_000 // len(unit)) + "@"):
            began_s = perf_counter()
            found(kind, text)
            assert perf_counter() - began_s < 5, repr(unit)
