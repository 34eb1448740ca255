"""docs/server.md says what the server can do."""

from pathlib import Path

import msgspec

from trio_chat.__main__ import NOT_YET
from trio_chat.config import Config
from trio_chat.names import RESERVED

PAGE_FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (PAGE_FOLDER / "server.md").read_text()


def test_every_setting_is_there_with_its_default() -> None:
    for field in msgspec.structs.fields(Config):
        default = msgspec.json.encode(field.default).decode().replace(",", ", ")
        assert f"| `{field.name}` | `{default}` |" in PAGE


def test_every_command_is_there() -> None:
    assert all(f"`{command}`" in PAGE for command in NOT_YET)


def test_the_protocol_names_the_reserved_names() -> None:
    protocol = (PAGE_FOLDER / "protocol.md").read_text()
    sentence = protocol[protocol.index("Reserved are ") :].split(".")[0]
    assert set(sentence.removeprefix("Reserved are ").replace(" and ", ", ").split(", ")) == RESERVED
