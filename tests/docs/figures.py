"""The figures of docs/scale.md: those that README's table of the benchmark has, so that they stand in one place."""

import re

PAGE = "docs/scale.md"

_MARKED = re.compile(r"(<!-- part: figures -->\n).*?(<!-- end -->)", re.DOTALL)
_RATE = re.compile(r"(?m)^\| ([^|]+) \| ([\d,]+ \w+/s) \|")


def renewed(page: str, readme: str) -> str:
    """The page with every rate of the adapter that `readme` tells."""
    rows = "".join(f"| {what} | {rate} |\n" for what, rate in _RATE.findall(readme))
    return _MARKED.sub(rf"\1\n| | |\n| --- | ---: |\n{rows}\n\2", page)
