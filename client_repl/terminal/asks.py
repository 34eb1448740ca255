"""What the user can be asked for."""

from dataclasses import dataclass

from client_repl.connection.own_key import AskSecret
from client_repl.connection.trust import Confirm
from client_repl.session import AskName


@dataclass(frozen=True, slots=True)
class Asks:
    """A name, a yes or no, a secret; each as `Session` describes it."""

    name: AskName
    confirm: Confirm
    secret: AskSecret
