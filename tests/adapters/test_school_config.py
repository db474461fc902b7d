"""The school's two files: read whole, and what is wrong in either is named."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.adapters import school_config
from functions.adapters.school_config import load
from functions.domain.errors import ConfigurationError
from tests.domain.a_school import CONFIG
from tests.schools import SECOND


def test_files_that_cannot_be_read_are_both_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path)
    assert [problem.split(":")[0] for problem in error.value.problems] == ["school.toml", "knowledge.json"]
    (tmp_path / "school.toml").write_text("[school")
    (tmp_path / "knowledge.json").write_text("[")
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path)
    assert len(error.value.problems) == 2


def test_another_schools_files_are_enough(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    text = (CONFIG / "school.toml").read_text("utf-8").replace("Shining Smiles", "Bright Minds")
    (tmp_path / "school.toml").write_text(text.replace('"SSC"', '"BM"'))
    school = load(tmp_path)
    assert (school.name, school.student_id_prefix) == ("Bright Minds", "BM")


@pytest.fixture
def _read_anew() -> Iterator[None]:
    school_config.school.cache_clear()
    yield
    school_config.school.cache_clear()


@pytest.mark.usefixtures("_read_anew")
def test_a_run_may_have_another_schools_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOOL_CONFIG", str(SECOND))
    monkeypatch.setenv("OFFICE_WHATSAPP", "+4915772000900")
    school = school_config.school()
    assert (school.assistant, school.office.whatsapp) == ("Ida", "+4915772000900")


@pytest.mark.usefixtures("_read_anew")
def test_otherwise_it_is_the_folder_that_was_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCHOOL_CONFIG", raising=False)
    monkeypatch.delenv("OFFICE_WHATSAPP", raising=False)
    assert school_config.school() == load(CONFIG)
