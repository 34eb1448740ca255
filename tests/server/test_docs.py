"""docs/server.md says what the server can do."""

import re
import typing
from pathlib import Path

import msgspec

from trio_chat.archive import lines
from trio_chat.config import AT_START, Config
from trio_chat.names import RESERVED
from trio_chat.options import COMMANDS

PAGE_FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (PAGE_FOLDER / "server.md").read_text()


def test_every_setting_is_there_with_its_default() -> None:
    for field in msgspec.structs.fields(Config):
        default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        default = msgspec.json.encode(default).decode().replace(",", ", ")
        assert f"| `{field.name}` | `{default}` |" in PAGE


def test_what_waits_for_a_start_is_there() -> None:
    paragraph = PAGE[PAGE.index("SIGHUP reads") :].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", paragraph)) == AT_START <= set(Config.__struct_fields__)


def test_every_command_is_there() -> None:
    assert all(f"trio_chat {command}" in PAGE for command in set(COMMANDS) - {"serve"})


def test_every_kind_of_line_of_an_export_is_there() -> None:
    for line in typing.get_args(lines.Line):
        assert f"| `{line.__struct_config__.tag}` |" in PAGE
        assert all(f"`{field.encode_name}`" in PAGE for field in msgspec.structs.fields(line))


def test_the_protocol_names_the_reserved_names() -> None:
    protocol = (PAGE_FOLDER / "protocol.md").read_text()
    sentence = protocol[protocol.index("Reserved are ") :].split(".")[0]
    assert set(sentence.removeprefix("Reserved are ").replace(" and ", ", ").split(", ")) == RESERVED
