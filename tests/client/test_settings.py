"""What /set sets, how it is kept, and what becomes of a file that somebody wrote by hand."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_repl import settings
from client_repl.effects import Effect, SaveSetting, Show
from client_repl.items import Failure, Notice
from client_repl.settings import SPECS, Settings
from client_repl.settings_file import SettingsFile, SettingsFileError
from tests.client.talk import chat


def test_every_setting_can_be_set_and_every_offer_is_taken() -> None:
    assert [field.name for field in dataclasses.fields(Settings)] == list(SPECS)
    for name, spec in SPECS.items():
        for offer in (*spec.offers, "default"):
            changed = settings.changed(Settings(), name, offer)
            assert settings.changed(changed, name, settings.shown(changed, name)) == changed


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
    assert _notice(shown) == "theme = light  colours"
    assert talk.settings.theme == "light"
    [listed] = talk.submit("/set")
    assert all(name in _notice(listed) for name in SPECS)


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


@pytest.mark.parametrize("text", ["theme = dark", "fold = [1]", "\x00", "bell = 1", "zone = 3", "\ud800"])
def test_a_file_that_is_wrong_is_told_of_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(text.encode(errors="surrogatepass"))
    loaded, trouble = SettingsFile(path).load()
    assert loaded == Settings()
    assert str(path) in trouble


def test_a_file_that_cannot_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("theme = dark")
    with pytest.raises(SettingsFileError, match="cannot be written"):
        SettingsFile(path).save("fold", 1)
    assert path.read_text() == "theme = dark"
    SettingsFile(path, saves=False).save("fold", 1)
