"""A small page for a person who opened an address of a program in a browser: one sentence and a link. Pure."""

from html import escape
from typing import Final

NOTICE_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept",
}


def wants_page(method: str, *, accept: str) -> bool:
    """Whether a browser asks for a page: by name, because programs accept anything (`*/*`)."""
    return method in ("GET", "HEAD") and "text/html" in accept.lower()


def console_below(path: str) -> str:
    """The console's address relative to `path` of its own listener, so that a proxy may strip a prefix of both."""
    return f"{'../' * (path.count('/') - 1)}console/"


def notice_page(text: str, *, link: str = "", label: str = "") -> bytes:
    """`text`, a sentence, as a page, with a link unless `link` is ""."""
    to = f'<p><a href="{escape(link)}">{escape(label)}</a></p>' if link else ""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>browsee-adapter</title>'
        f"<main><h1>browsee-adapter</h1><p>{escape(text[:1].upper() + text[1:])}</p>{to}</main></html>"
    ).encode()
