"""What a client on a terminal loads before it connects: the prompt waits for each of it."""

import re
import socket
import sys
from pathlib import Path

import pytest

from client_repl.connection import identity
from tests.client.terminal_harness import TerminalProcess
from tests.e2e.processes import ENVIRONMENT

LATER = {
    "cryptography": "the key is used when a server asks for a proof",
    "emoji": "when somebody types :",
    "pygments": "when code is shown",
    "tomlkit": "when a setting is changed",
    "tomllib": "where there is a file of settings",
    "zoneinfo": "where a zone is set",
    "zeroconf": "with --lan",
    "client_repl.pipe": "without a terminal",
    "client_repl.look.jsonl": "the same",
    "structlog": "never: servers need it",
    "trio_chat": "never",
}
"""What is not loaded, and when it is."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_the_prompt_waits_for_nothing_that_is_needed_later_or_never(tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        client = f"-m client_repl {where} --plaintext --name alice --state {tmp_path / 'state'}"
        command = f"exec {sys.executable} -X importtime {client} 2> {loaded}"
        with TerminalProcess(["/bin/sh", "-c", command], env=ENVIRONMENT) as terminal:
            terminal.until_shown("#lobby>")
            terminal.until_shown("Nothing listens")
            terminal.send("/quit\r")
            assert terminal.exit_code() == 0
    modules = set(re.findall(r"\| +([\w.]+)$", loaded.read_text(), re.MULTILINE))
    assert {"client_repl.session", "prompt_toolkit", "trio"} <= modules
    assert not {name for name in modules if name in LATER or name.partition(".")[0] in LATER}
    assert identity.load_or_create(tmp_path / "state" / "key.pem").sign(b"x"), "the key was made all the same"
