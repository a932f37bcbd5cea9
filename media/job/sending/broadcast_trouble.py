"""What it means when a target does not take what is sent."""

from __future__ import annotations

import errno

import av

from media.contract.streaming import OutsideTrouble, TargetLost
from media.outside.errors import NotReachable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_GONE = {errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN}
_NOBODY = {
    errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EADDRNOTAVAIL,
}  # fmt: skip
_ANSWERS: tuple[tuple[type[BaseException], OutsideTrouble, str], ...] = (
    (av.error.HTTPUnauthorizedError, OutsideTrouble.UNAUTHORISED, "the target wants a password"),
    (av.error.HTTPForbiddenError, OutsideTrouble.UNAUTHORISED, "the target forbids it"),
    (av.error.HTTPNotFoundError, OutsideTrouble.NOT_FOUND, "the target knows no such path"),
)


def lost(error: BaseException, *, flowed: bool) -> TargetLost:
    """Return what is told of an error of an output; `flowed` is whether it had taken anything."""
    if isinstance(error, NotReachable):
        over = error.reason is OutsideTrouble.NOT_ALLOWED
        return TargetLost(error.reason, error.detail, over)
    for kind, reason, detail in _ANSWERS:
        if isinstance(error, kind):
            return TargetLost(reason, detail)
    number = error.errno if isinstance(error, OSError) else None
    if number in _NOBODY:
        return TargetLost(OutsideTrouble.UNREACHABLE, "the target does not answer")
    if flowed and (number in _GONE or isinstance(error, av.error.EOFError)):
        return TargetLost(OutsideTrouble.ENDED, "the target has ended the connection")
    if flowed:
        return TargetLost(OutsideTrouble.ENDED, "the target takes nothing any more")
    return TargetLost(OutsideTrouble.REFUSED, "the target does not take the stream")


def disk_trouble(error: OSError) -> NotReachable:
    """Return what it means that a file could not be written."""
    if error.errno in _FULL:
        return NotReachable(OutsideTrouble.NO_SPACE, "there is no room left on the disk")
    if error.errno == errno.ENOENT:
        return NotReachable(OutsideTrouble.NOT_FOUND, "the folder is not there")
    return NotReachable(OutsideTrouble.REFUSED, "the folder cannot be written")


def silent() -> TargetLost:
    """Return what is told of a target that takes nothing, without an error."""
    return TargetLost(OutsideTrouble.SILENT, "the target has taken nothing for too long")
