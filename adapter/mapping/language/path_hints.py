"""What a text that is not a path was meant to be: an expression or a root of another language. Pure."""

import re
from typing import Final

from adapter.files.finding import did_you_mean
from adapter.mapping.language.foreign import FOREIGN
from adapter.mapping.language.words import ROOTS

_HOLDING_ROOTS: Final = "properties|traits|context|item|derived|vars|integrations|raw"
_FALLBACK: Final = re.compile(r"\|\||\?\?|\|")
_TWO_PATHS: Final = re.compile(rf"(?:\s*([-+*/,;&<>~:])\s*|\s+(and|or|if|else|in|then)\s+)(?:{_HOLDING_ROOTS})$")
_WITH_NUMBER: Final = re.compile(r"(?:\s+([-/<>])\s*|\s*([-/<>])\s+)[0-9]")
_ODD: Final = re.compile(r"\s*([?=+])\s*")
_ONE_PLACEHOLDER: Final = re.compile(r"[%$#<{=\s]*\{?\s*([^{}<>%=]+?)\s*[}%>]*")
_SIGNED: Final = re.compile(r"[^\w]+(\w.*)")
_CALLED: Final = re.compile(r"([A-Za-z_]+)\((.*)\)")

_OPERATORS: Final = {
    "-": "the step `minus`", "/": "the step `divided_by`", "*": "the step `times`",
    "+": 'text: "{a}{b}" for text, or the step `plus` for numbers', "<": "a condition: {below: …}",
    ">": "a condition: {above: …}", ",": "a list: [a, b]", "and": "two lines of a condition", "or": "`any`",
    "if": "`when`", "else": "`first`", "then": "`first`", "in": "a condition: {in: …}",
}  # fmt: skip
_BRACKETS: Final = {
    "[last]": "the last is `[-1]`", "[first]": "the first is `[0]`", "[]": "every member is `[*]`",
    "[all]": "every member is `[*]`", "[each]": "every member is `[*]`",
}  # fmt: skip


def odd_name(name: str, *, is_last: bool) -> str:
    """Why a bare name in a path is a mistake: an operator, a call, a quote of another language; empty if it is none.

    In a name that really contains these characters they are quoted.
    """
    fallback = _FALLBACK.search(name)
    if fallback is not None:
        return (
            f"a path has no `{fallback[0]}`; write {{from: [a, b]}} for the first that is there, `default` for a "
            "constant, `apply: [lower]` for a step"
        )
    two = None if is_last else _TWO_PATHS.search(name)
    if two is not None:
        operator = two[1] or two[2]
        return f"here are two paths; instead of `{operator}` write {_OPERATORS.get(operator, 'two values')}"
    odd = _WITH_NUMBER.search(name) or _ODD.search(name)
    if odd is not None:
        operator = next(group for group in odd.groups() if group)
        remedy = f"write {_OPERATORS[operator]}; " if operator in _OPERATORS else ""
        return f'a path has no `{operator}`; {remedy}a name with one is quoted: `."{name}"`'
    if name.endswith("()"):
        return f"a path has no `{name}`; functions are steps: `apply: [lower]`, `apply: [count]`"
    if name[0] in "'`\u2018\u201c" or name[-1] == "\\":
        return 'a name with a dot is quoted with ": `."a.b"`'
    return ""


def odd_selector(key: str, *, text: str) -> str:
    """Why `[key=text]` is a mistake, or nothing: it compares one field, for equality."""
    is_odd = re.search(r"[!<>~?(@&|]", key) or re.search(r"[=&|]|,\s*\w+\s*=", text)
    return (
        "`[key=value]` compares one field for equality; for other conditions write the step `where`" if is_odd else ""
    )


def misspelt(text: str, place: int) -> str:
    """What is expected in `text` at `place`, where no name and no bracket of a path stands."""
    rest = text[place:]
    read = f"after `{text[:place]}`"
    quoted = re.match(r"\[([\"'])(.*?)\1\]", rest)
    if quoted is not None:
        return f'a name is quoted behind a dot: write `{text[:place]}."{quoted[2]}"`'
    if rest.startswith(('."', '["')):
        return f'{read} a quote is not closed, or stands in brackets; a quoted name is written `."any text"`'
    if rest.startswith("."):
        return f'{read} a name is expected; one with . [ ] {{ }} * " or spaces around it is quoted: `."any text"`'
    if rest.startswith("["):
        return f"{read} {_bracket(rest[: rest.find(']') + 1])}"
    operator = re.match(r"\s*([-+*/<>])\s*\S", rest)
    if operator is not None:
        return f"a path has no `{operator[1]}`; write {_OPERATORS[operator[1]]}"
    return f"{read} comes `{rest[:20]}`; names are parted by dots"


def _bracket(written: str) -> str:
    if written in _BRACKETS:
        return _BRACKETS[written]
    inner = written[1:-1]
    computed = f"; a position or name at a path is the step {{get: {{from: {inner}}}}}"
    is_path = inner.partition(".")[0] in ROOTS
    return f"`[` wants [*], [0], [-1] or [key=value]{computed if is_path else ''}"


def not_a_root(text: str, *, root: str) -> str:
    """What to write instead of a text whose beginning is not a root; without what a constant would be."""
    if "{" in text or text.startswith("<%"):
        only = _ONE_PLACEHOLDER.fullmatch(text)
        if only is not None and only[1].partition(".")[0] in ROOTS:
            return f"a path has no braces: write `{only[1]}`"
        return f"a path has no braces; for text with placeholders write {{text: '{text}'}}"
    called = _CALLED.fullmatch(text)
    if called is not None:
        steps = f"{{from: {called[2] or 'a path'}, apply: [{called[1]}]}}"
        return f"`{called[1]}(…)` is not a path; functions are steps: {steps}"
    remedy = FOREIGN["a path"].get(root) or (FOREIGN["the start of a path"].get(root) if text != root else None)
    if remedy is not None:
        return f"`{text}` is not a path; write {remedy}"
    signed = _SIGNED.fullmatch(root)
    meant = did_you_mean(signed[1] if signed is not None else root, ROOTS)
    joined = re.match(r"\W*(\w+)\s*(?:->|/|:)", root)
    if joined is not None and joined[1] in ROOTS:
        return f"`{text}` is not a path; names are parted by dots, as in `{joined[1]}.name`"
    if signed is not None and signed[1] in ROOTS:
        meant = f"; did you mean `{signed[1]}`?"
    return f"`{root}` is not a path{meant}" if meant else ""


def unknown_start(text: str) -> str:
    """The sentence for a text that resembles no path."""
    field = f"; a field of the event is `properties.{text}`" if re.fullmatch(r"[\w$]+(?:[.\[].*)?", text) else ""
    starts = ", ".join(ROOTS[:9])
    return f"`{text}` is not a path: a path starts with one of {starts} …{field}"
