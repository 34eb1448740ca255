"""What goes wrong for a program, as exceptions with a code to act on and a text for a person."""


class Refusal(Exception):
    """One request was not done; the rest goes on. `code` as in `docs/protocol.md`, or `not-connected`: the connection
    was lost before the answer came, so perhaps it was done all the same."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Disconnected(Exception):
    """There is no connection, and no other try would help: it could not be made, or was ended for good. `code` as in
    `docs/client.md`: `kicked`, `banned`, `name-taken`, `server-key-changed`, `unknown-server`, `timeout` ..."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
