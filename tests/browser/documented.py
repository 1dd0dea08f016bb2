"""The pictures of docs/console.md: which page each shows. `make pictures` takes them again."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "console"
PAGES = {
    "overview": "#/",
    "events": "#/events",
    "event": "#/events/{died}",
    "dead": "#/dead",
    "requeue": "#/dead",
    "mapping": "#/mappings/shop?line=13",
    "names": "#/names",
    "sources": "#/sources",
    "settings": "#/settings",
}
SIZE = (1200, 760)
MAX_BYTES = 1_000_000
