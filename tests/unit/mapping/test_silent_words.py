"""Words of a file that are allowed and do nothing, or not what they seem to: each has a warning with what to write.

`¦` stands before the place that the warning points at.
"""

import pytest

from adapter.mapping.load import check
from tests.unit.mapping.reading import read

WARNED = [
    ("properties: {¦'exp_{properties.a}': properties.b}", "W208", "names have no placeholders"),
    ("properties: {v: {value: ¦'{properties.a}'}}", "W208", "only `track` and `text`"),
    ("properties: {v: {from: properties.a, default: ¦'x {event}'}}", "W208", "only `track` and `text`"),
    ("when: {properties.a: {like: ¦'*@{vars.domain}'}}", "W208", "only `track` and `text`"),
    ("when: {event: ¦Order*}", "W214", "{like: Order*}"),
    ("when: {event: [A, ¦Order*]}", "W214", "{like: Order*}"),
    ("when: {event: {not: ¦Order*}}", "W214", "{like: Order*}"),
    ("when: {event: {contains: ¦Order*}}", "W214", "{like: Order*}"),
    ("when: {event: {like: ¦'^Order*'}}", "W214", "`^` is plain text"),
    ("when: {event: {not: {like: ¦'%Order%'}}}", "W214", "`%` is plain text"),
    ("when: {event: {regex: ¦'/^order/i'}}", "W214", "`ignore_case`"),
    ("when: {context.ip: ¦10.0.0.0/8}", "W214", "{in_net: 10.0.0.0/8}"),
    ("when: {context.ip: [¦'2001:db8::/32']}", "W214", "{in_net: 2001:db8::/32}"),
    ("when: {properties.a: ¦'yes'}", "W214", "write true"),
    ("only: [¦'products[*].sku']", "W216", "`products.sku`"),
    ("except: [a, ¦'products[0].sku']", "W216", "`products.sku`"),
    ("except: [¦'/^utm_/']", "W216", "utm_*"),
    ("only: [¦^utm_]", "W216", "utm_*"),
    ("properties: {¦'*': properties.a}", "W216", "patterns are for `rename`"),
    ("rename: {¦cart.total: total}", "W216", "`total: properties.cart.total`"),
    ("flatten: _\n    rename: {¦cart.total: total}", "W216", "write `cart_total`"),
    ("rename: {¦'*.value': '*'}", "W216", "`*_value`"),
    ("when: {userId: ¦1001}", "W217", 'write "1001"'),
    ("when: {anonymousId: {not: ¦[1001, 1002]}}", "W217", 'write "1001"'),
    ("properties: {v: ¦context.user_agent}", "W218", "`context.userAgent`"),
    ("properties: {v: {text: ¦'{context.campaign.utm_source}'}}", "W218", "`context.campaign.source`"),
    ("when: {¦context.page.URL: x}", "W218", "`context.page.url`"),
    ("properties: {v: {from: [properties.a, ¦context.page.url.query]}}", "W218", "the step `url`"),
    ("when: {event: ¦\u201cOrder Completed\u201d}", "W219", "typographic quotes"),
    ("properties: {v: {value: ¦\u201eja\u201c}}", "W219", "typographic quotes"),
    ("when: {properties.n: ¦1_000}", "W220", "write 1000"),
    ("properties: {v: {value: ¦-.5}}", "W220", "write -0.5"),
    ("properties: {v: {from: properties.a, default: ¦0x1F}}", "W220", "write 31"),
    ("when: {properties.n: [5, ¦0o17]}", "W220", "write 15"),
    ("track: ¦|\n      Order Completed\n", "W219", "line break"),
]
"""Lines that are allowed and do nothing, or not what they seem to, with the code and the help of the warning."""

CLEAN = [
    "when: {properties.zip: '01234'}", "when: {properties.time: 12:30}", "when: {properties.phone: +442079460958}",
    "properties: {v: {from: properties.a, apply: [{replace: {find: .5, with: x}}]}}",
    "when: {context.location.country: [NO, SE]}", "when: {properties.region: ON}", "when: {event: {like: 'charge.*'}}",
    "when: {properties.a: {like: '100%*'}}", "when: {userId: '1001'}", "when: {userId: {exists: false}}",
    "only: ['data[merges][FNAME]', products.sku]", "flatten: .\n    rename: {cart.total: total}",
    "rename: {'\"cart.total\"': total}", "properties: {v: {text: 'a {event}'}}",
    "properties: {v: {value: '{not a path}'}}",
    "properties: {v: context.page.url}", "properties: {v: context.app.version}", "when: {event: 'a \"quoted\" word'}",
]  # fmt: skip
"""Lines that only resemble such a mistake."""


def _warned(text: str) -> list[tuple[int, int, str, str]]:
    findings = check(text, file="f.yaml", read=read)
    assert not any(found.blocks for found in findings)
    return [(found.line, found.column, found.code, found.message) for found in findings if found.code]


def _file(line: str) -> str:
    track = "" if line.startswith("track") else "    track: T\n"
    return f"version: 1\nvars: {{domain: a}}\nrules:\n  - {line}\n{track}"


@pytest.mark.parametrize(("line", "code", "helps"), WARNED)
def test_what_does_nothing_is_warned_of(line: str, code: str, helps: str) -> None:
    """Once, at its place, with what to write."""
    text = _file(line)
    before = text[: text.index("¦")]
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    [(number, column, found, message)] = _warned(text.replace("¦", ""))
    assert (number, column, found) == (*place, code)
    assert helps in message


@pytest.mark.parametrize("line", CLEAN)
def test_what_only_resembles_a_mistake_is_not_warned_of(line: str) -> None:
    """A warning that is wrong fails `--strict` for no reason."""
    assert _warned(_file(line)) == []
