"""The spelling of all copied fields of a call: `names`, a list of steps that need nothing but a text."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run import naming, text_steps

NAME_STEPS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({
    "trim": text_steps.composed(str.strip),
    "lower": text_steps.composed(str.lower),
    "upper": text_steps.composed(str.upper),
    "title": text_steps.composed(text_steps.title),
    "snake": naming.snake,
    "kebab": naming.kebab,
})  # fmt: skip
"""Steps on text that always return text."""


def compile_spelling(node: Node, reader: Reader) -> Callable[[str], str]:
    """The function that the steps at `node` apply to a name; a name that would become empty stays."""
    parts = reader.members(node, "E163", "`names`, a list of steps,", at_most=len(NAME_STEPS)) or ()
    chosen = [word for part in parts if (word := reader.choice(part, "E163", tuple(NAME_STEPS))) is not None]
    spells = [NAME_STEPS[word] for word in chosen]

    def spell(name: str) -> str:
        spelled = name
        for step in spells:
            spelled = step(spelled)
        return spelled or name

    return spell
