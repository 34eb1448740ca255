"""docs/server.md says what the server can do."""

from pathlib import Path

import msgspec

from trio_chat.__main__ import NOT_YET
from trio_chat.config import Config

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text()


def test_every_setting_is_there_with_its_default() -> None:
    for field in msgspec.structs.fields(Config):
        default = msgspec.json.encode(field.default).decode().replace(",", ", ")
        assert f"| `{field.name}` | `{default}` |" in PAGE


def test_every_command_is_there() -> None:
    assert all(f"`{command}`" in PAGE for command in NOT_YET)
