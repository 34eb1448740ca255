"""What can go wrong on the wire, and the one list of codes that every refusal carries."""

import enum


class Code(enum.StrEnum):
    """Why something was refused. `docs/protocol.md` says for each what to do next.

    On the wire a code is text, so a peer may meet one that is younger than itself.
    """

    # The frame itself; each of these ends the connection, except UNKNOWN_EVENT.
    NOT_THIS_PROTOCOL = "not-this-protocol"
    UNSUPPORTED_VERSION = "unsupported-version"
    UNKNOWN_FLAGS = "unknown-flags"
    FRAME_TOO_LARGE = "frame-too-large"
    MALFORMED = "malformed"
    WRONG_STATE = "wrong-state"
    UNKNOWN_EVENT = "unknown-event"
    # Login; each of these ends the connection. NICK meets the name codes too, and stays.
    LOGIN_TIMEOUT = "login-timeout"
    BAD_PROOF = "bad-proof"
    NAME_EMPTY = "name-empty"
    NAME_TOO_LONG = "name-too-long"
    NAME_INVALID = "name-invalid"
    NAME_RESERVED = "name-reserved"
    NAME_TAKEN = "name-taken"
    NAME_LOOKS_ALIKE = "name-looks-alike"
    SERVER_FULL = "server-full"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_NAMES = "too-many-names"
    BANNED = "banned"
    INVITE_NEEDED = "invite-needed"
    INVITE_INVALID = "invite-invalid"
    INVITE_EXPIRED = "invite-expired"
    INVITE_USED = "invite-used"
    LINK_INVALID = "link-invalid"
    LINK_EXPIRED = "link-expired"
    LINK_USED = "link-used"
    ACCESS_INVALID = "access-invalid"
    # One request; the connection goes on.
    NO_SUCH_USER = "no-such-user"
    NO_SUCH_ROOM = "no-such-room"
    NO_SUCH_MESSAGE = "no-such-message"
    NO_SUCH_COMMAND = "no-such-command"
    BAD_ARGUMENT = "bad-argument"
    TEXT_EMPTY = "text-empty"
    TEXT_TOO_LONG = "text-too-long"
    TEXT_INVALID = "text-invalid"
    BAD_POSITION = "bad-position"
    NOT_SERVED = "not-served"
    NOT_ALLOWED = "not-allowed"
    OWNER_INVALID = "owner-invalid"
    OWNER_EXPIRED = "owner-expired"
    OWNER_USED = "owner-used"
    NOT_APPROVED = "not-approved"
    MUTED = "muted"
    SLOW_MODE = "slow-mode"
    LOCKED = "locked"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate-limited"
    UNAVAILABLE = "unavailable"
    OVERLOADED = "overloaded"


class ByeReason(enum.StrEnum):
    """Why a side says Bye. Text on the wire, as `Code` is."""

    QUIT = "quit"
    REFUSED = "refused"
    REPLACED = "replaced"
    RESTARTING = "restarting"
    TIMEOUT = "timeout"
    ERROR = "error"
    KICKED = "kicked"


class ProtocolError(Exception):
    """Base of the two kinds of fault; never raised itself."""


class LocalProtocolError(ProtocolError):
    """We asked for something that the protocol forbids: a bug on our side. Nothing was encoded or changed."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; its stream is of no further use.

    `code` is what a server answers in `Refused` before it closes.
    """

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
