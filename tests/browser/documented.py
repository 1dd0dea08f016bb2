"""The pictures of docs/console.md: which page each shows. `make pictures` takes them again."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "console"
PAGES = {
    "overview": "#/",
    "events": "#/events",
    "event": "#/events/{dead}",
    "dead": "#/dead",
    "requeue": "#/dead",
    "names": "#/names",
    "sources": "#/sources",
    "settings": "#/settings",
}
SIZE = (1200, 760)
MAX_BYTES = 1_000_000
