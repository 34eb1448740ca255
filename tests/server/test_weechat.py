"""`import --room`: what weechat wrote becomes the past of a room."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wire
from tests.server.a_talk import CLOSED, NOON, OPEN, Clock, opened, people, says, talk
from tests.server.test_archive import error_of
from trio_chat.__main__ import main
from trio_chat.archive import export, import_log, import_weechat
from trio_chat.archive.weechat import Said, parse
from trio_chat.errors import StartError
from trio_chat.log.sqlite import FILE
from trio_chat.model import LOBBY
from wire import Kind

LOG = (
    "2020-05-01 10:00:00\t-->\talice (~a@example.org) has joined #tea\n"
    '2020-05-01 10:00:01\t--\tTopic for #tea is "tea"\n'
    "2020-05-01 10:00:02\t@alice\thello\n"
    "2020-05-01 10:00:02\t@alice\thello\n"
    "2020-05-01 10:00:03\tbob_\ta\ttab, and \x02bold\x02 \x0304,01red\x03\n"
    "2020-05-01 10:00:04\t *\t+bob_ waves to all\n"
    "not a line\n"
    "2020-05-01 10:00:05\t<--\talice (~a@example.org) has quit (gone)\n"
)


def written(folder: Path, content: str | bytes = LOG) -> Path:
    path = folder / "tea.weechatlog"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


async def room(folder: Path, conversation: int = 2) -> list[wire.Message]:
    log = opened(folder)
    messages = await log.since(conversation, 0, limit=999, until=999)
    log.close()
    return messages


async def shown(folder: Path, conversation: int = 2) -> list[tuple[int, Kind, str, str]]:
    return [(one.time, one.kind, one.sender, one.text) for one in await room(folder, conversation)]


async def test_what_was_said_is_there_and_the_rest_is_counted(tmp_path: Path) -> None:
    report = import_weechat(tmp_path / "new", written(tmp_path), "#Tea", UTC)
    assert report == (
        "4 lines imported to #Tea; 3 joins, parts and notices left out;"
        " 1 not understood and left out, the first is line 7"
    )
    start = 1_588_327_200_000
    assert await shown(tmp_path / "new") == [
        (start + 2000, Kind.TEXT, "alice", "hello"),
        (start + 2000, Kind.TEXT, "alice", "hello"),
        (start + 3000, Kind.TEXT, "bob_", "a\ttab, and bold red"),
        (start + 4000, Kind.ACTION, "bob_", "waves to all"),
    ]
    assert {(one.account, one.to) for one in await room(tmp_path / "new")} == {(0, "#Tea")}
    log = opened(tmp_path / "new")
    [made] = [made for made in log.saved.conversations if made.room]
    assert (made.id, made.room, made.accounts, log.saved.heads[made.id]) == (2, "#Tea", (), 4)
    log.close()


async def test_the_same_file_again_doubles_nothing_and_a_longer_one_adds_what_is_new(tmp_path: Path) -> None:
    import_weechat(tmp_path / "data", written(tmp_path), "#tea", UTC)
    before = await room(tmp_path / "data")
    assert import_weechat(tmp_path / "data", written(tmp_path), "#TEA", UTC).startswith(
        "0 lines imported to #TEA; 4 were there already"
    )
    assert await room(tmp_path / "data") == before
    import_weechat(tmp_path / "data", written(tmp_path, LOG + "2020-05-02 10:00:00\tbob\tmore\n"), "#tea", UTC)
    assert [one.text for one in await room(tmp_path / "data")][4:] == ["more"]
    import_weechat(tmp_path / "data", written(tmp_path), "#other", UTC)
    assert [one.text for one in await room(tmp_path / "data", 3)] == [one.text for one in before]


async def test_it_goes_into_a_log_that_is_there_and_changes_nothing_else_in_it(tmp_path: Path) -> None:
    await talk(tmp_path / "data", 1, 50)
    export(tmp_path / "data", tmp_path / "before")
    log_id = opened_id(tmp_path / "data")
    import_weechat(tmp_path / "data", written(tmp_path), "#tea", UTC)
    export(tmp_path / "data", tmp_path / "after")
    assert opened_id(tmp_path / "data") == log_id
    before, after = ((tmp_path / name).read_text().splitlines() for name in ("before", "after"))
    assert set(before[:-1]) < set(after)
    assert len(after) == len(before) + 5


def opened_id(folder: Path) -> bytes:
    log = opened(folder)
    log.close()
    return log.log_id


async def test_it_goes_into_an_empty_room_and_into_the_lobby(tmp_path: Path) -> None:
    log = opened(tmp_path / "data")
    await log.append(people())
    log.close()
    import_weechat(tmp_path / "data", written(tmp_path), "#OPEN", UTC)
    import_weechat(tmp_path / "data", written(tmp_path), "#lobby", UTC)
    for conversation, name in ((OPEN, "#Open"), (LOBBY, "#lobby")):
        assert {one.to for one in await room(tmp_path / "data", conversation)} == {name}
    import_weechat(tmp_path / "new", written(tmp_path), "#lobby", UTC)
    assert len(await room(tmp_path / "new", LOBBY)) == 4


async def test_a_room_where_somebody_wrote_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    log = opened(tmp_path / "data", clock)
    await log.append([*people(), says(1, 1, CLOSED, "mine")])
    log.close()
    error = error_of(capsys, "import", "--room", "#closed", written(tmp_path), "--data", tmp_path / "data")
    assert "line 3: #closed has other messages already" in error
    assert len(await room(tmp_path / "data", CLOSED)) == 1

    import_weechat(tmp_path / "data", written(tmp_path), "#tea", UTC)
    log = opened(tmp_path / "data", clock)
    await log.append([says(2, 1, 7, "since then")])
    log.close()
    with pytest.raises(StartError, match="line 9: #tea has other messages"):
        import_weechat(tmp_path / "data", written(tmp_path, LOG + "2020-05-02 10:00:00\tbob\tmore\n"), "#tea", UTC)
    assert len(await room(tmp_path / "data", 7)) == 5


async def test_times_never_go_back_nor_into_the_future(tmp_path: Path) -> None:
    lines = ["2020-10-25 02:59:59", "2020-10-25 02:00:01", "2020-10-25 03:00:00", "2999-01-01 00:00:00"]
    content = "".join(f"{when}\tbob\thi\n" for when in lines)
    report = import_weechat(tmp_path / "data", written(tmp_path, content), "#tea", ZoneInfo("Europe/Berlin"))
    assert "1 older than a line before them" in report
    times = [one.time for one in await room(tmp_path / "data")]
    assert times == sorted(times)
    assert NOON - 400 * 24 * 3_600_000 < times[-1] < NOON + 99 * 365 * 24 * 3_600_000


async def test_a_log_of_another_encoding_is_read(tmp_path: Path) -> None:
    content = "2020-05-01 10:00:00\tzoë\tnaïve €\n".encode("cp1252") + b"2020-05-01 10:00:01\tbob\t\x81\xff\xfe\n"
    assert "2 not in UTF-8" in import_weechat(tmp_path / "data", written(tmp_path, content), "#tea", UTC)
    assert [(one.sender, one.text) for one in await room(tmp_path / "data")] == [
        ("zoë", "naïve €"),
        ("bob", "\ufffdÿþ"),
    ]


@pytest.mark.parametrize("content", [b"", b"rubbish\n" * 9, b"\0" * 200_000, LOG.splitlines()[0].encode()])
def test_a_file_without_a_line_of_anybody_is_an_error(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, content)
    assert "no line that weechat wrote" in error_of(
        capsys, "import", "--room", "#tea", path, "--data", tmp_path / "new"
    )
    assert not (tmp_path / "new" / FILE).exists()
    assert "No such file" in error_of(capsys, "import", "--room", "#tea", tmp_path / "no", "--data", tmp_path / "new")
    assert "name" in error_of(capsys, "import", "--room", "tea time", path, "--data", tmp_path / "new")


def test_no_import_beside_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = opened(tmp_path / "data")
    error = error_of(capsys, "import", "--room", "#tea", written(tmp_path), "--data", tmp_path / "data")
    assert "another server" in error
    log.close()
    assert main(["import", "--room", "#tea", str(written(tmp_path)), "--data", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out.startswith("4 lines imported to #tea; 3 joins")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1970-01-01 00:00:01\tbob\thi", Said(1000, Kind.TEXT, "bob", "hi")),
        ("1970-01-01 00:00:01.234567Z\tbob\thi", Said(1234, Kind.TEXT, "bob", "hi")),
        ("1970-01-01 00:00\t&~bob\thi", Said(0, Kind.TEXT, "bob", "hi")),
        ("1970-01-01 00:00:01\t<@bob>\thi", Said(1000, Kind.TEXT, "bob", "hi")),
        ("1970-01-01 00:00:01\t\x1b[31mbob\x1b[0m\thi\x1b]0;x\x07", Said(1000, Kind.TEXT, "bob", "hi\ufffd]0;x\ufffd")),
        ("1970-01-01 00:00:01\t" + "b" * 40 + "\thi", Said(1000, Kind.TEXT, "b" * 32, "hi")),
        ("1970-01-01 00:00:01\t*\tbob is in", Said(1000, Kind.ACTION, "bob", "is in")),
        ("1970-01-01 00:00:01\t=!=\tno such nick", None),
        ("1970-01-01 00:00:01\t\tthe day changed", None),
    ],
)
def test_each_form_of_a_line(line: str, said: Said | None) -> None:
    assert parse(line, UTC) == said


@pytest.mark.parametrize(
    "line",
    [
        "",
        "1970-01-01 00:00:01\tbob",
        "yesterday\tbob\thi",
        "1969-01-01 00:00:01\tbob\thi",
        "1970-01-01 00:00:01\tbob\t ",
        "1970-01-01 00:00:01\t@\thi",
        "1970-01-01 00:00:01\tbob and ann\thi",
        "1970-01-01 00:00:01\t *\tbob",
        "1970-01-01 00:00:01\tbob\t" + "x" * 16385,
    ],
)
def test_what_is_no_line_of_weechat(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(line, UTC)


@given(st.one_of(st.text(), st.text().map(lambda text: f"2020-05-01 10:00:00\tbob\t{text}")))
def test_any_line_is_said_or_refused_and_never_harms_a_terminal(line: str) -> None:
    try:
        said = parse(line, UTC)
    except (ValueError, OverflowError):
        return
    assert said is None or not any(ord(char) < 32 and char != "\t" for char in said.sender + said.text)


async def test_a_long_log_comes_through_whole(tmp_path: Path) -> None:
    lines = [f"2020-05-01 10:{n // 60 % 60:02}:{n % 60:02}\tbob\tline {n}\n" for n in range(2500)]
    import_weechat(tmp_path / "a", written(tmp_path, "".join(lines)), "#tea", UTC)
    export(tmp_path / "a", tmp_path / "one")
    import_log(tmp_path / "b", tmp_path / "one")
    log = opened(tmp_path / "b")
    messages = await log.since(2, 0, limit=9999, until=9999)
    log.close()
    assert [message.text for message in messages] == [f"line {n}" for n in range(2500)]
    assert [message.seq for message in messages] == list(range(1, 2501))
