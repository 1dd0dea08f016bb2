"""Says of a file that is not UTF-8 where that begins, and what to do. Pure."""


def not_utf8(cause: UnicodeDecodeError) -> str:
    """What follows the name of the file in a message: the line and the byte, both counted as editors and `od` count."""
    if cause.object[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "is UTF-16 text; save it as UTF-8"
    line = cause.object.count(b"\n", 0, cause.start) + 1
    return f"is not UTF-8 text, from byte {cause.start} on (line {line}); save it as UTF-8"
