"""How many connections the open files of this process allow, and the share of each kind. At every moment there is one
left to accept another connection with, and to tell it why it cannot stay."""

import contextlib
from typing import Final

import msgspec
import structlog

from trio_chat.config import Config
from trio_chat.errors import StartError

OWN_FILES: Final = 48
"""Open files beside connections: 24 of a server that is idle, a backup, the index being made anew, and connections that
are on their way out when the next ones are accepted."""
_APART: Final = 128
"""Open files that are not for clients, where the system allows enough of them."""
_FEWEST: Final = 64

log = structlog.get_logger()


def fitted(config: Config) -> Config:
    """The configuration with as many connections as there can be. The limit of open files is raised as far as needed
    and as the system lets us; Windows has none. Raises StartError where that is too little for a server."""
    connections = config.max_clients + config.max_logins + config.max_parting
    allowed = _raised(connections + OWN_FILES)
    if allowed is None or allowed >= connections + OWN_FILES:
        return config
    if allowed < _FEWEST:
        raise StartError(f"only {allowed} files may be open; allow at least {_FEWEST} (ulimit -n)")
    clients, logins, parting = shares(allowed, config)
    log.warning("few open files", allowed=allowed, max_clients=clients, wanted=config.max_clients)
    return msgspec.structs.replace(config, max_clients=clients, max_logins=logins, max_parting=parting)


def shares(allowed: int, config: Config) -> tuple[int, int, int]:
    """Of so many open files: clients, those that log in, and those that are refused, at most as in `config`."""
    clients = min(config.max_clients, max(allowed - _APART, (allowed - OWN_FILES) // 2))
    others = allowed - OWN_FILES - clients
    logins = min(config.max_logins, others * 3 // 4)
    return clients, logins, min(config.max_parting, others - logins)


def _raised(needed: int) -> int | None:
    """How many files may be open, `needed` if that can be had; None: there is no limit."""
    try:
        import resource  # noqa: PLC0415  there is none on Windows
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
