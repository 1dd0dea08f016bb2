"""Names in any script: which words they have, and how they are spelled."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.mapping.run.naming import fold, kebab, nfc, snake
from tests.unit.mapping.reading import value_of

NAMES = {
    "spaces": ("Order Completed", "order_completed"),
    "camelCase": ("orderCompleted", "order_completed"),
    "a run of capitals": ("HTTPServerStarted", "http_server_started"),
    "camelCase beside another separator": ("iOS App Opened", "ios_app_opened"),
    "a digit inside": ("step2Completed", "step2_completed"),
    "one word": ("ordercompleted", "ordercompleted"),
    "white space around": ("\tOrder Completed ", "order_completed"),
    "Hindi": ("ऑर्डर पूरा हुआ", "ऑर्डर_पूरा_हुआ"),
    "Thai": ("สั่งซื้อสำเร็จ", "สั่งซื้อสำเร็จ"),
    "Tamil": ("ஆர்டர் முடிந்தது", "ஆர்டர்_முடிந்தது"),
    "Arabic": ("طَلَب مُكتمِل", "طَلَب_مُكتمِل"),
    "Arabic digits": ("خطوة ٢", "خطوة_٢"),
    "Hebrew with points": ("הַזְמָנָה הוּשְׁלְמָה", "הַזְמָנָה_הוּשְׁלְמָה"),
    "Hebrew maqaf": ("אי־מייל", "אי_מייל"),
    "Korean": ("주문 완료", "주문_완료"),
    "Japanese": ("注文・完了", "注文_完了"),
    "Turkish": ("İptalEdildi", "i\u0307ptal_edildi"),
    "Cyrillic camelCase": ("заказОформлен", "заказ_оформлен"),
    "accents in camelCase": ("commandePayéeÀLivrer", "commande_payée_à_livrer"),
    "a capital that has no composed form": ("jokerJ\u030cCard", "joker_j\u030c_card"),
    "Persian ZWNJ": ("می\u200cخواهم خرید", "می\u200cخواهم_خرید"),
    "Sinhala ZWJ": ("ක්\u200dරියා", "ක්\u200dරියා"),
    "a joiner at the end": ("Order\u200d Completed", "order_completed"),
    "joined emoji": ("👩\u200d💻 Signed Up", "signed_up"),
    "an emoji with a variation selector": ("❤\ufe0f Liked", "liked"),
    "a keycap": ("1\ufe0f\u20e3 Step", "1_step"),
    "an ideograph with a variation selector": ("葛\U000e0100城で購入", "葛城で購入"),
    "an invisible sign": ("Ab\u2061c\u034fd\u206ae\U000e0041f", "abcdef"),
    "a soft hyphen": ("Bestell\u00adbestätigung", "bestellbestätigung"),
    "a mark that follows nothing": ("\u0301Order \u0301Completed", "order_completed"),
    "C++": ("C++ Course Started", "c++_course_started"),
    "C#": ("C# Course Started", "c#_course_started"),
    "É#": ("É#", "é#"),
    "plus between words": ("Order+Completed", "order_completed"),
    "plus behind a digit": ("Top 10+ Clicked", "top_10_clicked"),
    "a hash before a word": ("#tag Clicked", "tag_clicked"),
    "emoji only": ("🎉", "🎉"),
    "punctuation only": ("???", "???"),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("name", "wanted"), NAMES.values(), ids=NAMES)
def test_a_name_is_its_words(name: str, wanted: str) -> None:
    """Marks and joiners belong to their word, and it makes no difference whether a sender composes letters."""
    assert snake(name) == nfc(wanted)
    assert snake(unicodedata.normalize("NFD", name)) == nfc(wanted)
    assert fold(name) == snake(name)


def test_kebab_has_the_same_words() -> None:
    """Only the separator differs."""
    assert kebab("commandePayéeÀLivrer") == "commande-payée-à-livrer"
    assert kebab("🎉") == "🎉"


@pytest.mark.parametrize(
    ("one", "other"), [("पिता", "पीता"), ("C++ Course", "C# Course"), ("ordercompleted", "Order Completed")]
)
def test_different_words_stay_different(one: str, other: str) -> None:
    """Two names become one only where they have the same words."""
    assert fold(one) != fold(other)


@given(name=st.text(max_size=12) | st.text(st.sampled_from("aAéÉe\u0301कि\u200d\u200c+#_ 2\ufe0fİßςΣ"), max_size=10))
def test_folding_twice_changes_nothing(name: str) -> None:
    """What is folded is its own fold, in NFC, and as good as folded from either form."""
    folded = fold(name)
    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFC", folded)
    assert fold(unicodedata.normalize("NFD", name)) == folded


@pytest.mark.parametrize(
    ("value", "step", "wanted"),
    [
        (" re\u0301s ", "trim", "rés"), ("RE\u0301S", "lower", "rés"), ("re\u0301s", "upper", "RÉS"),
        ("re\u0301s", "title", "Rés"), ("/re\u0301s?q", "strip_query", "/rés"),
        ("re\u0301s", {"truncate": 2}, "ré"), ("\u0958x", {"truncate": 1}, "क"),
        ("re\u0301,s", {"split": ","}, ["ré", "s"]), (["e", "\u0301"], {"join": ""}, "é"),
        ("e-\u0301", {"replace": {"find": "-", "with": ""}}, "é"),
        ("e-\u0301", {"regex": {"pattern": "-", "with": ""}}, "é"),
        ("İptal", "lower", "i\u0307ptal"),
    ],
)  # fmt: skip
def test_every_step_on_text_composes(value: object, step: object, wanted: object) -> None:
    """Two spellings of one letter never leave as two texts."""
    assert value_of({"from": "properties.x", "apply": [step]}, properties={"x": value}) == (wanted, [])
