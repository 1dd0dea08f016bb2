"""Describes an exception for a log line: its type and place, never its text, which may quote a body or a key. Pure."""


def place_of(exc: BaseException) -> str:
    """`TypeError at adapter.ingest.read:120`: the kind of `exc` and where it was raised."""
    frame = exc.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" at {frame.tb_frame.f_globals.get('__name__')}:{frame.tb_lineno}"
    return f"{type(exc).__name__}{place}"
