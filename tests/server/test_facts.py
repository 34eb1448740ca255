"""Facts: what the server remembers beside who is who and what was said, over restarts, exports and imports."""

from pathlib import Path

from tests.server.test_sqlite_log import opened
from trio_chat.archive import export, import_log
from trio_chat.changes import Changes, Facts
from trio_chat.facts import Ban, Fact, Rule, Standing
from trio_chat.model import FactKept
from wire import UserRole

BAN = Ban(shown="bob", by="alice", at=5.0, reason="spam")


async def saved_again(folder: Path, changes: Changes) -> list[FactKept]:
    """What a log is said to hold that is opened after these were stored."""
    log = opened(folder)
    await log.append(changes.take())
    log.close()
    log = opened(folder)
    log.close()
    return log.saved.facts


async def test_what_was_set_is_there_again_and_what_was_deleted_is_not(tmp_path: Path) -> None:
    changes = Changes()
    bans, standings = Facts(Ban, (), changes), Facts(Standing, (), changes)
    bans["name:bob"] = BAN
    bans["name:eve"] = BAN
    standings["7"] = Standing(role=UserRole.OPERATOR, blocked=(3, 4))
    facts = await saved_again(tmp_path, changes)
    again = Changes()
    assert dict(Facts(Ban, facts, again)) == {"name:bob": BAN, "name:eve": BAN}
    assert dict(Facts(Standing, facts, again)) == {"7": Standing(role=UserRole.OPERATOR, blocked=(3, 4))}
    assert not again.take(), "to have read them is no change"

    bans = Facts(Ban, facts, changes)
    del bans["name:eve"]
    bans["name:bob"] = Ban(shown="bob", by="carol", at=6.0)
    facts = await saved_again(tmp_path, changes)
    assert {key: ban.by for key, ban in Facts(Ban, facts, again).items()} == {"name:bob": "carol"}


def test_of_several_changes_of_one_fact_the_last_one_is_stored() -> None:
    changes = Changes()
    rules = Facts(Rule, (), changes)
    for slow in (5, 10, 20):
        rules["1"] = Rule(slow=slow)
    rules["2"] = Rule(locked=True)
    del rules["2"]
    assert changes.take() == [FactKept(("rule", "1"), '{"slow":20}'), FactKept(("rule", "2"), None)]


def test_a_value_that_a_later_version_wrote_is_left_alone() -> None:
    changes = Changes()
    saved = [FactKept(("ban", "a"), '{"shown":1}'), FactKept(("ban", "b"), "{"), FactKept(("later", "c"), "{}")]
    assert not Facts(Ban, saved, changes)
    assert not changes.take()


def test_every_kind_has_a_name_of_its_own() -> None:
    kinds = [cls.kind for cls in Fact.__subclasses__()]
    assert len(set(kinds)) == len(kinds) > 6


async def test_an_export_has_them_and_an_import_gives_the_same_bytes(tmp_path: Path) -> None:
    changes = Changes()
    Facts(Ban, (), changes)["name:bob"] = BAN
    Facts(Rule, (), changes)["0"] = Rule(locked=True)
    await saved_again(tmp_path / "one", changes)
    export(tmp_path / "one", tmp_path / "first")
    assert b'{"type":"fact","kind":"ban","key":"name:bob","value":{"shown":"bob"' in (tmp_path / "first").read_bytes()
    import_log(tmp_path / "two", tmp_path / "first")
    export(tmp_path / "two", tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    log = opened(tmp_path / "two")
    log.close()
    assert dict(Facts(Ban, log.saved.facts, changes)) == {"name:bob": BAN}
