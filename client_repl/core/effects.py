"""What the pure core asks its shell to do, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import wire
from client_repl.core.items import Failure, Item, Line
from client_repl.core.outbox import Pending


@dataclass(frozen=True, slots=True)
class Send:
    """Send this event on the current connection."""

    event: wire.ClientEvent


@dataclass(frozen=True, slots=True)
class Keep:
    """Have this line on disk before anything after it is done; one with its nonce that is there already is replaced."""

    line: Pending


@dataclass(frozen=True, slots=True)
class LetGo:
    """The line with this nonce need not be on disk any more, as soon as what was shown before is really written."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Have on disk, before anything after it is done, that this user begins to read a conversation behind `position`:
    without any position, the next client would begin some lines before the end again, and skip what is in between."""

    position: wire.Position


@dataclass(frozen=True, slots=True)
class Show:
    """Show this to the user."""

    item: Item


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Call `Chat.retry` in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """This connection cannot be followed further: drop it, connect again and resume. `detail` says why."""

    detail: str


@dataclass(frozen=True, slots=True)
class Quit:
    """The user wants to leave."""


@dataclass(frozen=True, slots=True)
class ShowKey:
    """Tell the user the fingerprint of the key that this user is known by."""


@dataclass(frozen=True, slots=True)
class ExportKey:
    """Write that key to the file `path`, encrypted by a passphrase that the user is asked for. `draft` is the line."""

    path: Path
    draft: str


@dataclass(frozen=True, slots=True)
class SaveSetting:
    """Have this setting on disk for the next start, and for the user's other clients' next one."""

    name: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class SaveLists:
    """Have on disk, for the next start, what changed of whom the user ignores on this server (name -> the accounts that
    were seen under it, None: heard again) and of the rooms that are followed (whether from now on). The accounts are
    those of the log `log_id`; b"": as they were."""

    ignored: Mapping[str, tuple[int, ...] | None]
    followed: Mapping[str, bool]
    log_id: bytes


Save = SaveSetting | SaveLists
"""What is kept in files of the user's, for all clients that start from then on."""

Answer = wire.Done | wire.Members | wire.Page | wire.RoomList | wire.Answer
"""What answers a request that is no line."""


@dataclass(frozen=True, slots=True)
class Told:
    """Tell a program what became of its request `ref`: the answer; of a line, that it is in the log as we see it, or
    stored and seen elsewhere or later; None: the connection was lost before it was known, or there is none."""

    ref: int
    outcome: Answer | Line | wire.Stored | wire.Refused | None


Effect = Send | Keep | LetGo | Start | Show | RetryAfter | Reconnect | Quit | ShowKey | ExportKey | Save | Told


def failure(code: str, text: str, draft: str) -> list[Effect]:
    """Tell the user why a line was not done, and give it back."""
    return [Show(Failure(code, text, draft))]
