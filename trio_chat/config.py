"""The configuration: one frozen object, validated at the start, with every limit and its reason."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

import wire
from trio_chat.errors import ConfigError, Refusal
from trio_chat.names import room_key, shown

YEAR = 365 * 24 * 3600
Seconds = Annotated[float, Meta(gt=0, le=YEAR)]
Size = Annotated[int, Meta(gt=0)]
"""Bytes, unless the name says that it counts something else."""
Days = Annotated[float, Meta(ge=0, le=36_500)]
Amount = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=r"\A\d{1,15}(\.\d+)?[KMGT]?\Z")]
"""Bytes, or KiB, MiB, GiB, TiB as in `512M`."""


def size_of(amount: int | str) -> int:
    """Bytes."""
    if isinstance(amount, int):
        return amount
    power = "KMGT".find(amount[-1]) + 1
    return int(float(amount[:-1] if power else amount) * 1024**power)


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of one room. What is not set is as for all."""

    keep_days: Days | None = None
    """0 is for ever."""
    max_size: Amount | None = None
    """0 is any; the room does not count for the size of all then, whatever is set here."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. Sizes in bytes, times in seconds."""

    host: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses to listen on. Loopback only, as long as nothing is encrypted."""
    port: Annotated[int, Meta(ge=0, le=65535)] = wire.DEFAULT_PORT
    """0 takes a free one."""
    server_name: Annotated[str, Meta(min_length=1, max_length=64)] = "trio-chat"
    """What clients call this server."""

    max_clients: Size = 1000
    """Connections at a time; further ones are told `server-full`."""
    max_logins: Size = 256
    """Connections that are not logged in, at a time; over it, the oldest of the address that has most is refused."""
    login_timeout: Seconds = 20.0
    """From the connection to the Welcome; a person is not involved any more when it begins."""
    ping_after: Seconds = 45.0
    """Silence of a client before the server asks whether it is there."""
    dead_after: Seconds = 90.0
    """Silence of a client before it counts as gone: a ping had the rest of this time to be answered. Not counted while
    the server does not read."""
    stall_timeout: Seconds = 20.0
    """A socket that accepts no byte for this long is closed; its client resumes when it comes back."""
    leave_grace: Annotated[float, Meta(ge=0, le=YEAR)] = 10.0
    """How long a lost client may take to come back before others are told that it left."""
    linger: Seconds = 2.0
    """How long a refused peer may take to read why, before its socket is closed."""
    shutdown_grace: Seconds = 10.0
    """From SIGTERM until clients that have not taken their last bytes are cut."""
    restart_hint: Annotated[int, Meta(ge=0, le=3_600_000)] = 1000
    """Milliseconds after which clients of a stopping server should try again."""

    outbox_bytes: Size = 256 * 1024
    """Queued for one client; over it, it falls behind and catches up from the log: 16 of the longest texts."""
    control_bytes: Size = 64 * 1024
    """Answers queued for one client; over it, the server stops reading that client."""
    batch_entries: Size = 512
    """Most entries of one commit."""
    batch_bytes: Size = 128 * 1024
    """Most bytes of text in one commit; half an outbox, so that one batch never makes a client fall behind."""
    queue_entries: Size = 1024
    """Entries that wait for the next commit; over it, senders wait on their own sockets."""
    tail_bytes: Size = 64 * 1024 * 1024
    """Encoded messages kept for catch-up, over all conversations."""
    log_bytes: Size = 128 * 1024 * 1024
    """Texts that the in-memory log keeps; the oldest go first."""
    first_screen: Annotated[int, Meta(ge=0)] = 50
    """Messages that a newcomer gets of each conversation; the rest is a Gap, until they can be fetched."""

    max_replay: Annotated[int, Meta(ge=0)] = 10_000
    """Messages of one conversation that somebody who returns gets at once; older ones are a Gap, until they are
    fetched."""

    invite_only: bool = False
    """Whoever is new needs an invite; `/lock` does the same until `/unlock`."""
    newcomer_time: Annotated[float, Meta(ge=0, le=YEAR)] = 24 * 3600.0
    """For how long who came without an invite counts as new: a day, in which somebody will have looked. 0 for not at
    all."""
    newcomer_begins: Annotated[int, Meta(ge=0)] = 5
    """Rooms and direct conversations that somebody new begins in that time: enough to find friends, not to write to all
    who are here."""
    release_days: Days = 180
    """A name is free again when its owner was not here for so long; 0 keeps it for ever. Owners and operators keep
    theirs."""

    max_rooms: Size = 10_000
    """Rooms that there are; each costs a list of its members."""
    max_entered: Size = 500
    """Rooms that one user is in."""

    keep_days: Days = 0
    """Messages that are older are deleted, within the hour; 0 keeps them for ever."""
    max_size: Amount = 0
    """Bytes, or as `"512M"`: the oldest messages of all conversations are deleted, within the hour, until the rest
    takes about so much room; 0 is any."""
    rooms: dict[str, Keep] = {}
    """By room: `keep_days` and `max_size` of it alone, as in `[rooms."#news"]`."""

    presence_interval: Seconds = 0.05
    """Joins, leaves and the like are sent at most this often."""
    crowd: Size = 500
    """A room over this many announces no joins and leaves: n reconnects would cost n² lines."""
    crowd_over: Size = 450
    """And announces them again under this many, so that a room at the edge does not flicker."""


def load(path: Path | None = None, **overrides: Any) -> Config:
    """The configuration of a TOML file, with `overrides` (of the command line; None is not given) on top.

    Raises ConfigError for a file that cannot be read or holds a name or a value that is not allowed.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = msgspec.toml.decode(path.read_bytes())
        except OSError as exc:
            raise ConfigError(f"{path}: {exc.strerror}") from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path} is not TOML: {exc}") from exc
    values |= {name: value for name, value in overrides.items() if value is not None}
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as exc:
        why = re.sub(r"Expected `str` matching regex '.*'", "Expected a size such as 512M or 2G", str(exc))
        raise ConfigError(f"configuration: {why}; docs/server.md lists what may be set") from exc
    if config.crowd_over > config.crowd:
        raise ConfigError("configuration: crowd_over must not be larger than crowd")
    if config.ping_after >= config.dead_after:
        raise ConfigError("configuration: ping_after must be shorter than dead_after")
    for room in config.rooms:
        try:
            room_key(room)
        except Refusal as exc:
            raise ConfigError(f'configuration: [rooms."{shown(room)}"]: {exc.text}') from exc
    return config
