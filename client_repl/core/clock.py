"""Times of the wire (Unix milliseconds) on a calendar."""

from datetime import UTC, datetime, tzinfo
from typing import Final

_LAST: Final = 253_370_764_800_000
"""The last year that a calendar here knows, 9999, begins; every zone is still in it or before."""


def when(milliseconds: int, zone: tzinfo | None = None) -> datetime:
    """The time in `zone` (None: here); a later one than the calendar knows is its last one."""
    seconds, rest = divmod(min(milliseconds, _LAST), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000).astimezone(zone)
