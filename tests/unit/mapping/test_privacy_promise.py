"""`mappings/privacy.yaml`: nothing that names a person leaves, and little that does not is taken.

Personal data is defined here again, by other means than the mapping's, so that neither hides a fault of the other.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.mapping.run.frame import Frame
from adapter.mapping.run.guarding import guard
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, JsonObject
from tests.unit.mapping.reading import read, ruleset
from tests.unit.mapping.shipped_messages import shipped_messages
from tests.unit.mapping.test_cases import ROOT

NAMES = """
mails, email, email address, email id, e-mail, your email, user email, contact email, billing email, work email, mail
address, email 1, to emails, email addr, recipient email address, phone, phone number, telephone, telephone number,
mobile, mobile number, mobile phone, cell phone, home phone, phone 2, phone no, tel, tel no, tel number, fax number,
whatsapp number,
contact number, first name, fname, last name, lname, surname, middle name, full name, given name, family name, maiden
name, nickname, user name, display name, customer name, recipient name, billing first name, shipping last name,
cardholder name, date of birth, dob, birth date, birthday, birth year, year of birth, address, street, street address,
address 1, address line 2, billing address, home address, postal code, postcode, zip, zip code, shipping zip code,
latitude, ssn, social security number, passport number, national id, drivers license, driving licence number, tax id,
id card, card number, credit card number, credit card, cvv, iban, bank account number, password, access token, user
password, ip, ip address, client ip, remote addr, request ip, user ip address
"""
"""Names that forms, shops and CRMs give to what is personal; tried in every spelling."""


def spellings(name: str) -> list[str]:
    words = name.split()
    capital = [word.capitalize() for word in words]
    camel = words[0] + "".join(capital[1:])
    joined = [separator.join(words) for separator in ("_", "-", " ", ".")]
    return [*joined, camel, "".join(capital), " ".join(capital), "_".join(words).upper(), "-".join(words).upper()]


def privacy() -> Ruleset:
    return ruleset((ROOT / "mappings/privacy.yaml").read_text())


def sent_of(rules: Ruleset, message: JsonObject) -> str:
    """All that leaves, as text."""
    rendered = rules.render(read({"userId": "u-1", **message}))
    bodies = [call.body for call in rendered.calls] if isinstance(rendered, Calls) else []
    return json.dumps(bodies, ensure_ascii=False)


def places_of(name: str, value: Any) -> Iterator[JsonObject]:
    """Messages that hold a field of this name wherever a mapping could read it."""
    field = {name: value}
    yield {"type": "track", "event": "E", "properties": field}
    yield {"type": "track", "event": "E", "properties": {"form": {"answers": [field]}}}
    yield {"type": "track", "event": "E", "properties": {"form": json.dumps([field])}}
    yield {"type": "identify", "traits": field}
    yield {"type": "identify", "context": {"traits": {"company": field}}}
    yield {"type": "page", "properties": field}


@pytest.mark.parametrize("name", re.split(r",\s+", NAMES.strip()))
def test_no_field_with_a_common_name_leaves(name: str) -> None:
    """In every spelling and in every place; and by the mapping that guards nothing each does leave."""
    guarding, plain = privacy(), ruleset((ROOT / "mappings/default.yaml").read_text())
    for spelling in spellings(name):
        for message in places_of(spelling, "s3cr3t"):
            assert "s3cr3t" not in sent_of(guarding, message), spelling
            assert "s3cr3t" in sent_of(plain, message), spelling


@pytest.mark.parametrize(
    "value", ["ada@example.test", "+44 20 7946 0958", "4111 1111 1111 1111", "378282246310005", "+12025550123"]
)
def test_no_personal_value_leaves(value: str) -> None:
    """Whatever the field is called: in a sentence, as the name of a field, in the event's name, as an id."""
    guarding, plain = privacy(), ruleset((ROOT / "mappings/default.yaml").read_text())
    ids = ({"type": "track", "event": "E", "userId": value},) if value[0] in "a+" else ()
    for message in (
        *places_of("note", value),
        *places_of("note", f"call {value}, thanks"),
        *places_of(value, 1),
        {"type": "track", "event": f"Call {value}"},
        *ids,
    ):
        assert squeezed(value) not in squeezed(sent_of(guarding, message)), message
        assert squeezed(value) in squeezed(sent_of(plain, message)), message


def squeezed(text: str) -> str:
    """Letters and digits alone, for a name of an event loses the others."""
    return re.sub(r"[\W_]", "", text.lower())


def personal_in(value: Any, name: str = "") -> Iterator[str]:
    """What is plainly personal in a message."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from personal_in(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from personal_in(member, name)
    elif isinstance(value, str):
        yield from re.findall(r"[a-zA-Z]+@[a-z]+\.[a-z]+", value)
        yield from re.findall(r"\+\d{9,}", value) if "sku" not in name else ()
        squeezed = re.sub(r"[^a-z]", "", name.lower())
        if len(value) > 2 and re.search(r"phone|firstname|lastname|fname|dob|zip|requestip|^ip$", squeezed):
            yield value


def test_nothing_personal_of_the_shipped_messages_leaves() -> None:
    """Of every message of the wire cases and of all shipped mappings' tests; `default.yaml` lets a good many leave."""
    guarding, plain = privacy(), ruleset((ROOT / "mappings/default.yaml").read_text())
    left = 0
    for name, message in shipped_messages():
        personal = set(personal_in(message))
        sent = sent_of(guarding, message)
        assert [text for text in personal if f'"{text}"' in sent or ("@" in text and text in sent)] == [], name
        left += sum(text in sent_of(plain, message) for text in personal)
    assert left > 30


# Removed values that identify no person


def changes(before: Any, after: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The fields that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from changes(value, after.get(name), (*way, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for pair in zip(before, after, strict=True):
            yield from changes(*pair, way)
    elif before != after and before is not None:
        yield way


def is_false(way: tuple[str, ...], message: JsonObject) -> bool:
    """Whether a changed field of the shipped messages identified no person."""
    if way[-1] == "name":
        return way[-2:-1] != ("traits",) or message.get("type") == "group"
    return way[-1] == "cart_token"


def test_false_hits_are_counted() -> None:
    """How much is removed that identifies no person, as docs/privacy.md says; guards of `values` take nothing of
    that.
    """
    guards = privacy().guards
    counts = {"messages": 0, "name": 0, "cart_token": 0}
    for _, message in shipped_messages():
        counts["messages"] += 1
        event = read(message)
        frame = Frame(event, event.body, event.user_id, event.anonymous_id)
        guard(frame, guards)
        for way in changes(event.body, frame.body):
            if is_false(way, message):
                counts[way[-1]] += 1
        assert all("name" not in warned.cause.split(" in ")[-1] for warned in frame.warnings)
    page = (ROOT / "docs/privacy.md").read_text()
    said = re.search(
        r"in the (\d+) messages .*? (\d+) fields called `name` .*? (\d+) called `cart_token`", page, re.DOTALL
    )
    assert said is not None
    messages, *false_hits = (int(number) for number in said.groups())
    # More messages may come without the page being renewed, more false hits may not.
    assert messages <= counts["messages"]
    assert false_hits == [counts["name"], counts["cart_token"]]


def test_what_looks_like_personal_data_and_is_none_stays() -> None:
    """Numbers of orders, articles and instants, file names, versions, prices."""
    properties = {
        "order_id": "4111111111111111", "product_ids": "4111111111111111", "sku": "+12345678901",
        "ean": "4006381333931", "created_at": "+12026112704300", "timestamp": "1795644880814641", "total": "1,299.00",
        "image": "logo@2x.png",
        "package": "react@18.2.0", "version": "1.2.3", "duration": 1795644880814, "shipping": "express", "zipper": 1,
        "clip": 2, "filename": "a.png", "event_name": "E", "product_name": "Uno", "plan_name": "pro", "category": "x",
        "email_opt_in_source": "page", "emails_sent": 3, "address_type_count": None,
    }  # fmt: skip
    rendered = privacy().render(read({"type": "track", "event": "E", "userId": "u-1", "properties": properties}))
    assert isinstance(rendered, Calls)
    assert rendered.calls[0].body["properties"] == {name: held for name, held in properties.items() if held is not None}
    assert rendered.warnings == ()
