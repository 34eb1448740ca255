"""What /set sets, how it is kept, and what becomes of a file that somebody wrote by hand."""

import dataclasses
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.formatted_text import fragment_list_to_text

from client_repl.core import settings
from client_repl.core.effects import Effect, SaveSetting, Show
from client_repl.core.items import Failure, Line, Notice, PageShown
from client_repl.core.settings import SPECS, Settings
from client_repl.disk.settings_file import SettingsFile, SettingsFileError
from client_repl.look import plain, view
from tests.client.talk import chat, message


def test_every_setting_can_be_set_and_every_offer_is_taken() -> None:
    assert [field.name for field in dataclasses.fields(Settings)] == list(SPECS)
    for name, spec in SPECS.items():
        for offer in (*spec.offers, "default"):
            changed = settings.changed(Settings(), name, offer)
            assert settings.changed(changed, name, settings.shown(changed, name)) == changed
            assert settings.taken({name: getattr(changed, name)}) == (changed, [])  # as the file has it


@given(st.sampled_from(sorted(SPECS)), st.text())
def test_nothing_but_a_value_is_taken(name: str, text: str) -> None:
    try:
        changed = settings.changed(Settings(), name, text)
    except ValueError:
        return
    assert settings.taken({name: getattr(changed, name)}) == (changed, [])


def test_what_is_set_is_kept_and_said() -> None:
    talk = chat()
    saved, shown = talk.submit("/set theme light")
    assert saved == SaveSetting("theme", "light")
    assert _notice(shown) == "theme is light from now on."
    assert talk.settings.theme == "light"
    [listed] = talk.submit("/set")
    assert all(name in _notice(listed) for name in SPECS)


def test_times_on_a_terminal_are_as_they_were_set_and_a_pipes_are_not() -> None:
    noon = 1_769_860_800_000  # UTC
    said = Line(message(1, time=noon), "#lobby", own=False, direct=False, mention=False, replay=True, number=1)
    tokyo = settings.changed(settings.changed(Settings(), "clock", "%I:%M:%S %p"), "zone", "Asia/Tokyo")
    kiritimati = settings.changed(tokyo, "zone", "Pacific/Kiritimati")
    for set_, time in ((tokyo, "09:00:00 PM"), (kiritimati, "2026-02-01 02:00:00 AM")):
        earlier = noon - 4 * 3_600_000  # the same day in Tokyo, and the day before on Kiritimati
        for item in (said, PageShown("#lobby", (said,), more=False)):
            assert time[-11:] in fragment_list_to_text(view.render(item, earlier, 200, settings=set_))
        assert fragment_list_to_text(view.render(said, earlier, 200, settings=set_)).startswith(time)
        assert fragment_list_to_text(view.render(Notice("x"), noon, 200, settings=set_)).startswith(time[-11:])
    assert plain.message(said, "#lobby", UTC).startswith("[12:00] ")


def _notice(effect: Effect) -> str:
    assert isinstance(effect, Show)
    assert isinstance(effect.item, Notice)
    return effect.item.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/set colour red", "no setting colour"),
        ("/set theme pink", "theme is one of auto, dark"),
        ("/set zone Moon/Crater", "Europe/Berlin"),
        ("/set clock %Y %Y %Y %Y", "at most 16"),
        ("/set fold many", "a number of lines"),
        (f"/set fold {'0' * 9}{'9' * 21}", "a number of lines"),
    ],
)
def test_what_cannot_be_set_goes_back(line: str, told: str) -> None:
    talk = chat()
    [effect] = talk.submit(line)
    assert isinstance(effect, Show)
    assert isinstance(effect.item, Failure)
    assert told in effect.item.text
    assert effect.item.draft == line
    assert talk.settings == Settings()


def test_a_file_keeps_what_others_wrote_in_it(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    file = SettingsFile(path)
    assert file.load() == (Settings(), "")
    path.write_text('# mine\ntheme = "dark"  # at night\n\n[later]\nx = 1\n')
    file.save("fold", 40)
    file.save("bell", value=False)
    assert "# mine" in path.read_text()
    assert "# at night" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    loaded, trouble = file.load()
    assert loaded == Settings(theme="dark", fold=40, bell=False)
    assert "later: there is no such setting" in trouble


@pytest.mark.parametrize(
    "text",
    [
        *("theme = dark", "fold = [1]", "\x00", "bell = 1", "zone = 3", "\ud800"),
        *(f"fold = 0x{'f' * 8000}", f"x = {'[' * 5000}{']' * 5000}"),
    ],
)
def test_a_file_that_is_wrong_is_told_of_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    loaded, trouble = SettingsFile(path).load()
    assert loaded == Settings()
    assert str(path) in trouble


def test_a_default_that_is_kept_is_one(tmp_path: Path) -> None:
    file, talk = SettingsFile(tmp_path / "settings.toml"), chat()
    for name in SPECS:
        [*_, effect, _] = talk.submit(f"/set {name} default")
        assert isinstance(effect, SaveSetting)
        file.save(effect.name, effect.value)
    assert file.load() == (Settings(), "")


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("theme = dark")
    with pytest.raises(SettingsFileError, match="cannot be written"):
        SettingsFile(path).save("fold", 1)
    assert path.read_text() == "theme = dark"
    SettingsFile(path, saves=False).save("fold", 1)
