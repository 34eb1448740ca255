"""The configuration: one frozen object, validated at the start, with every limit and its reason."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import Meta

import wire
from trio_chat.errors import ConfigError, Refusal
from trio_chat.names import room_key, shown

YEAR = 365 * 24 * 3600
Seconds = Annotated[float, Meta(gt=0, le=YEAR)]
Rate = Annotated[float, Meta(ge=0, le=1_000_000)]
"""A second."""
Size = Annotated[int, Meta(gt=0)]
"""Bytes, unless the name says that it counts something else."""
Count = Annotated[int, Meta(ge=0)]
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

    host: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104  it is encrypted
    """Addresses to listen on: all of this machine. With `plaintext` or `behind_proxy` `127.0.0.1` and `::1`."""
    port: Annotated[int, Meta(ge=0, le=65535)] = wire.DEFAULT_PORT
    """0 takes a free one."""
    lan: bool = False
    """Whether the local network is told of this server, by multicast DNS."""
    public_name: Annotated[str, Meta(max_length=261, pattern=r"\A([\w.-]+|\[[0-9A-Fa-f:.]+\])?(:\d{1,5})?\Z")] = ""
    """NAME or NAME:PORT under which the internet reaches this server, for the lines that friends type."""
    tls_certificate: str = ""
    """A PEM file: a certificate of your own, with its chain. Without, the server makes one in its data directory."""
    tls_key: str = ""
    """The PEM file of its key, which nobody else may read."""
    tls_timeout: Seconds = 10.0
    """From the connection until TLS stands, or the PROXY header is there: three round trips of the slowest network, and
    what is lost is sent again."""
    plaintext: bool = False
    """No encryption: for this computer alone."""
    behind_proxy: Annotated[str, Meta(pattern=r"\A([0-9A-Fa-f]{64})?\Z")] = ""
    """The pin (sha256 in hex) of the key that a proxy shows, which speaks TLS with the clients and plaintext with this
    server."""
    proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks whose PROXY headers are believed; all others are hung up on, where `behind_proxy` is set."""
    server_name: Annotated[str, Meta(min_length=1, max_length=64)] = "trio-chat"
    """What clients call this server."""

    max_clients: Size = 1000
    """Connections at a time; further ones are told `server-full`."""
    max_logins: Size = 256
    """Connections that are not logged in, at a time; over it, the oldest of the address that has most is refused."""
    max_parting: Size = 64
    """Connections that are being told why they are refused, at a time; over it, the oldest is closed at once. With
    those above, they are open files, so all three are made smaller where the system allows few of those."""
    max_connections: Size = 8
    """Of one user at a time: some computers with some terminals each. Further ones are told `too-many-connections`."""
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

    exempt: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Networks for which neither the rates nor the limits by address hold: who sits at this computer could do it more
    harm in other ways."""
    rate: Rate = 5.0
    """Messages a second of one user, over all its connections: faster than anybody types. 0 is any, here and below."""
    burst: Size = 20
    """Messages at once, before `rate` holds: a pasted list."""
    byte_rate: Count = 32 * 1024
    """Bytes a second of one user: two of the longest texts."""
    byte_burst: Size = 128 * 1024
    """Bytes at once: eight of the longest texts."""
    request_rate: Rate = 20.0
    """A second of one user: all that a client asks for beside messages. A search counts for 5."""
    request_burst: Size = 60
    """Of them at once: what a client asks when it comes back to some dozens of rooms."""
    flood_timeout: Seconds = 60.0
    """Over its rate a client is not read; if it sends on without a pause for so long, it is removed. A message that is
    sent once more never counts."""
    max_unproven: Count = 32
    """Connections of one address (of IPv6: its /64) that are not logged in, at a time; over it, the oldest is told to
    come again. 0 is any."""
    new_names: Count = 3
    """Logins an hour with keys that are new here, from one address: a household. Known ones do not count. 0 is any."""
    login_failures: Count = 3
    """A minute from one address; then keys that the server does not know are told `rate-limited`. 0 is any."""

    outbox_bytes: Size = 256 * 1024
    """Queued for one client; over it, it falls behind and catches up from the log: 16 of the longest texts."""
    all_outbox_bytes: Size = 64 * 1024 * 1024
    """Queued for all clients together; over it, those with most fall behind, until an eighth of it is free. It is a
    quarter of what a thousand clients could have."""
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
    new_rooms: Annotated[int, Meta(ge=0)] = 20
    """Rooms that a member makes in a day, so that nobody uses up `max_rooms`; 0 for any number."""
    newcomer_rate: Annotated[float, Meta(ge=0)] = 2.0
    """Messages a second of somebody new, where `rate` is not less: enough to talk, too slow to flood a room."""
    newcomer_burst: Size = 10
    """The same at once."""
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

    def for_newcomers(self) -> Self:
        """As it holds for those who are new here; a rate of 0 is no limit for them either."""
        rate, burst = min(self.rate, self.newcomer_rate), min(self.burst, self.newcomer_burst)
        return msgspec.structs.replace(self, rate=rate, burst=burst)


def rate_limits(rate: str | None) -> dict[str, float]:
    """What `--rate` sets: so many messages a second, and bytes in proportion, or with `off` no rate, no limit by
    address and none of new rooms. Raises ConfigError."""
    if rate is None:
        return {}
    if rate == "off":
        return dict.fromkeys(
            ("rate", "byte_rate", "request_rate", "max_unproven", "new_names", "login_failures", "new_rooms"), 0
        )
    try:
        factor = max(1.0, float(rate) / Config().rate)
        return {"rate": float(rate), "burst": int(Config().burst * factor)} | {
            name: int(getattr(Config(), name) * factor) for name in ("byte_rate", "byte_burst")
        }
    except (ValueError, OverflowError):
        raise ConfigError(f"--rate {rate}: give messages a second, or off") from None


AT_START: Final = frozenset(
    {
        *("host", "port", "public_name", "lan", "plaintext", "behind_proxy"),
        *("batch_entries", "batch_bytes", "queue_entries", "tail_bytes", "log_bytes", "max_rooms", "max_entered"),
        *("presence_interval", "leave_grace", "crowd", "crowd_over"),
    }
)
"""Settings that a start hands down; a reload changes the others."""

_LOOPBACK: Final = ("127.0.0.1", "::1")


def reloaded(old: Config, new: Config) -> tuple[Config, list[str]]:
    """What holds after a reload, and the settings that wait for a start."""
    kept = {name: getattr(old, name) for name in AT_START}
    return msgspec.structs.replace(new, **kept), sorted(name for name in AT_START if getattr(new, name) != kept[name])


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
    if values.get("plaintext") or values.get("behind_proxy"):
        values.setdefault("host", _LOOPBACK)
    try:
        config = msgspec.convert(values, Config)
    except msgspec.ValidationError as exc:
        why = re.sub(r"Expected `str` matching regex '(.*)'", _expected, str(exc))
        raise ConfigError(f"configuration: {why}; docs/server.md lists what may be set") from exc
    if config.crowd_over > config.crowd:
        raise ConfigError("configuration: crowd_over must not be larger than crowd")
    if config.ping_after >= config.dead_after:
        raise ConfigError("configuration: ping_after must be shorter than dead_after")
    _check_doors(config)
    for room in config.rooms:
        try:
            room_key(room)
        except Refusal as exc:
            raise ConfigError(f'configuration: [rooms."{shown(room)}"]: {exc.text}') from exc
    return config


def _expected(found: re.Match[str]) -> str:
    """What a pattern stands for, for a person."""
    if "KMGT" in found[1]:
        return "Expected a size such as 512M or 2G"
    if "{64}" in found[1]:
        return "Expected the 64 hex digits of a pin"
    return "Expected NAME or NAME:PORT"


def _check_doors(config: Config) -> None:
    """Raises ConfigError: who could come in, or listen in, would not be whom the host meant."""
    if bool(config.tls_certificate) != bool(config.tls_key):
        raise ConfigError("configuration: tls_certificate and tls_key come together")
    if config.plaintext and not config.behind_proxy:
        for host in config.host:
            if not _is_loopback(host):
                why = "without encryption everybody on the way could read along, and change it"
                raise ConfigError(f"--plaintext listens on this computer only, not on {host}: {why}; leave it out")
    for name, networks in (("proxies", config.proxies), ("exempt", config.exempt)):
        for network in networks:
            try:
                ip_network(network)
            except ValueError as exc:
                raise ConfigError(
                    f"configuration: {name}: {exc}; write an address, or a network as 10.0.0.0/8"
                ) from exc


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
