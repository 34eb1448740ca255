"""What waits to be read, in the order in which it wants to be seen."""

from collections.abc import Mapping
from typing import NamedTuple


class Waits(NamedTuple):
    """What waits in one conversation."""

    where: str
    unread: int
    mentions: int


def waiting(counts: Mapping[str, int], mentions: Mapping[str, int]) -> list[Waits]:
    """The most urgent first: direct messages, then where the user's name is in a line, then rooms."""
    all_ = (Waits(where, counts.get(where, 0), mentions.get(where, 0)) for where in {**counts, **mentions})
    urgent = sorted(all_, key=lambda waits: (not waits.where.startswith("@"), not waits.mentions))
    return [waits for waits in urgent if waits.unread or waits.mentions]
