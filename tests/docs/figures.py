"""The figures of docs/scale.md: those that README's table of the benchmark has, so that they stand in one place."""

import re

PAGE = "docs/scale.md"

_MARKED = re.compile(r"(<!-- part: figures -->\n).*?(<!-- end -->)", re.DOTALL)
_RATE = re.compile(r"(?m)^\| `\w+`: ([^|]+) \| ([\d,]+ \w+/s)")
"""Behind the name of the row what it measures, then the rate, with the CPU behind it."""


def renewed(page: str, readme: str) -> str:
    """The page with every rate of the adapter that `readme` has. Raises ValueError if it has none."""
    rows = "".join(f"| {what} | {rate} |\n" for what, rate in _RATE.findall(readme))
    if not rows:
        raise ValueError("README has no table with rates of the adapter")
    return _MARKED.sub(rf"\1\n| | |\n| --- | ---: |\n{rows}\n\2", page)
