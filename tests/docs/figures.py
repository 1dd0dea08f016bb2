"""The figures of speed in the documentation: all are from one run of the benchmark, whose results are in the project.

`make bench OUT=bench/results.json` writes the results, `make docs` brings them into the pages.
"""

import re

from bench.measure import Row, Spread
from bench.results import Results, side_figures

FILE = "bench/results.json"
SCALE, TABLE = "docs/scale.md", "docs/performance.md"
PAGES = (SCALE, TABLE)

_MARKED = re.compile(r"(<!-- part: figures -->\n).*?(<!-- end -->)", re.DOTALL)
_SHORT = ("acknowledged", "batched", "delivered", "sources")


def renewed(name: str, page: str, found: Results) -> str:
    """The page `name` with the figures of `found`. Raises ValueError if the page has no place for them."""
    if not _MARKED.search(page):
        raise ValueError(f"{name} has no part for figures")
    text = _full(found) if name == TABLE else _rates(found)
    return _MARKED.sub(lambda marks: f"{marks[1]}\n{text}\n{marks[2]}", page)


def _rates(found: Results) -> str:
    rows = {row.name: row for row in found.rows}
    lines = [f"| {rows[name].what} | {side_figures(rows[name].ours)[0]} {rows[name].unit} |" for name in _SHORT]
    return "\n".join(["| | |", "| --- | ---: |", *lines, ""])


def _full(found: Results) -> str:
    head = f"{found.title}, {found.at[:10]}.\n\n| row | adapter | peer | ratio | CPU ratio | target |\n"
    return head + "| --- | ---: | ---: | ---: | ---: | ---: |\n" + "".join(map(_line, found.rows))


def _line(row: Row) -> str:
    cells = [f"`{row.name}`: {row.what}; against {row.peer}" if row.theirs else f"`{row.name}`: {row.what}"]
    for side in (row.ours, row.theirs):
        figure, cpu = side_figures(side)
        cells.append(f"{figure} {row.unit}".strip() + (f", {cpu} CPU" if cpu else "") if side else "–")
    return "| " + " | ".join([*cells, _spread(row.ratio), _spread(row.cpu_ratio), row.target]) + " |\n"


def _spread(found: Spread | None) -> str:
    return "–" if found is None else f"{found.middle:.2f} ({found.low:.2f}–{found.high:.2f})"
