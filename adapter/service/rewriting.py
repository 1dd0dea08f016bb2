"""Replaces a mapping file without losing an edit, or says why it cannot. Theory of operation.

States: the file is *compared* (its ETag is the one that the draft was made from), *replaced* (by a rename: there is the
old or the new file, never half of one), *active*. Writers of the adapter hold `flock` on `.<name>.lock`. The old and
the new file are exchanged in one step, and then the old one is read. A text that another program wrote in between, even
by a rename of its own, is stored elsewhere before its last link is removed, so no edit is lost. On a disk that cannot
exchange two files, the old file gets a second link first. A crash leaves the old or the new file, and possibly a file
beside it: the text of another program, or the new text. The next start stores such files in the history.
"""

import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Final

_SUFFIX: Final = ".browsee-adapter.tmp"
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
"""From linux/fcntl.h and linux/fs.h."""
_NO_EXCHANGE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
_ANOTHERS: Final = "the file belongs to another user"
_REASONS: Final = {
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "this process may not write into its folder",
    errno.EPERM: "this process may not write into its folder",
    errno.EBUSY: "it is mounted as a single file; mount its folder",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
}


def etag_of(raw: bytes) -> str:
    """A strong ETag of a file's bytes."""
    return f'"{sha256(raw).hexdigest()[:32]}"'


def why_not_writable(file: Path, *, bundled_folder: Path) -> str | None:
    """Why `file` cannot be replaced here, in words; None if it can. Leaves no file behind."""
    try:
        real = file.resolve(strict=True)
        found = real.stat()
    except OSError as exc:
        return f"it cannot be read: {(exc.strerror or 'unknown').lower()}"
    kinds = {
        "it comes with the adapter; copy it and name your copy in the settings": real.is_relative_to(
            bundled_folder.resolve()
        ),
        "it comes from a ConfigMap; change the ConfigMap": config_map_key(file) is not None,
        "it is not a regular file": not stat.S_ISREG(found.st_mode),
        _REASONS[errno.EBUSY]: str(real) in _mount_points(),
    }
    why = next((why for why, holds in kinds.items() if holds), None)
    if why is not None:
        return why
    try:
        with _temporary(real, found):
            return None
    except OSError as exc:
        return not_writable_text(exc)


def config_map_key(file: Path) -> str | None:
    """The key of a ConfigMap that `file` comes from; None if it comes from none. Kubernetes links mounted files into a
    folder `..data`.
    """
    return file.resolve().name if any("..data" in part for part in _links(file)) else None


def replace_file(file: Path, raw: bytes, *, compared: bytes, keep: Callable[[bytes], None]) -> None:
    """Replace `file`, whose bytes were `compared`, by `raw`. Raises OSError with the file unchanged.

    If the file had other bytes at the moment of the replacement, `keep` gets them before they are removed. If `keep`
    raises, they stay in a file beside it, `file` is replaced all the same, and the exception is passed on.
    """
    real = file.resolve(strict=True)
    found = real.stat()
    with _temporary(real, found) as temporary:
        with os.fdopen(os.dup(temporary.descriptor), "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        _take_place(real, temporary)
        temporary.stays = True
        # The new file is in its place, so neither a folder that cannot be synced nor an old file that cannot be read is
        # a failure of the replacement.
        with suppress(OSError):
            _sync_folder(real.parent)
        try:
            there = temporary.path.read_bytes()
        except OSError:
            return
        if there != compared:
            keep(there)
        temporary.stays = False


@dataclass(slots=True)
class _Temporary:
    """A file beside the mapping, first the new one, then the old one; removed at the end unless it `stays`."""

    descriptor: int
    path: Path
    stays: bool = False


def _take_place(real: Path, temporary: _Temporary) -> None:
    """Move `temporary` to `real`; afterwards `temporary` has what was in `real` at that moment."""
    try:
        _exchange(temporary.path, real)
    except OSError as exc:
        if exc.errno not in _NO_EXCHANGE:
            raise
        _take_place_by_link(real, temporary)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two files in one step; Python has no function for that. Raises OSError with nothing changed."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _take_place_by_link(real: Path, temporary: _Temporary) -> None:
    kept = real.with_name(f".{real.name}.{token_hex(8)}{_SUFFIX}")
    os.link(real, kept)
    try:
        temporary.path.replace(real)
    except OSError:
        with suppress(OSError):
            kept.unlink(missing_ok=True)
        raise
    temporary.path = kept


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One writer of a file at a time, over all processes of the adapter."""
    real = file.resolve()
    descriptor = os.open(real.with_name(f".{real.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def leftovers(file: Path) -> list[Path]:
    """The files that a crash left beside `file`, oldest first. Raises OSError."""
    real = file.resolve()
    return sorted(real.parent.glob(f".{real.name}.*{_SUFFIX}"), key=lambda left: left.stat().st_mtime_ns)


@contextmanager
def _temporary(real: Path, like: os.stat_result) -> Iterator[_Temporary]:
    """A new file in the folder of `real`, with its mode and owner."""
    path = real.with_name(f".{real.name}.{token_hex(8)}{_SUFFIX}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    temporary = _Temporary(descriptor, path)
    try:
        own = os.fstat(descriptor)
        if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
            try:
                os.fchown(descriptor, like.st_uid, like.st_gid)
            except PermissionError as exc:
                raise OSError(errno.EPERM, _ANOTHERS) from exc
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        yield temporary
    finally:
        os.close(descriptor)
        if not temporary.stays:
            with suppress(OSError):
                temporary.path.unlink(missing_ok=True)


def not_writable_text(exc: OSError) -> str:
    """Why a replacement failed, in the words of `why_not_writable`."""
    if exc.strerror == _ANOTHERS:
        return _ANOTHERS
    return _REASONS.get(exc.errno or 0, (exc.strerror or "unknown").lower())


def _links(file: Path) -> Iterator[str]:
    """The path of `file` and of every link on the way to its target."""
    path = file.absolute()
    for _ in range(40):
        yield from path.parts
        if not path.is_symlink():
            return
        path = (path.parent / path.readlink()).absolute()


def _mount_points() -> frozenset[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return frozenset()
    points = (line.split(" ")[4] for line in lines if line.count(" ") > 4)
    return frozenset(point.encode("latin-1", "surrogateescape").decode("unicode_escape") for point in points)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
