"""Settings of the functions: read from the environment by group, with every problem named at once."""

from dataclasses import fields, is_dataclass

import pytest

from functions import settings
from functions.domain.errors import ConfigurationError
from functions.settings import CacheSettings, RateLimitSettings, StudentListSettings, from_environment, variables_of

CACHE = {"CACHE_URL": "redis://localhost:6379", "CACHE_NAME": "school-dev-cache", "CACHE_AUTH": "none"}
GROUPS = [item for item in vars(settings).values() if isinstance(item, type) and is_dataclass(item)]


def test_group_is_filled_from_its_variables() -> None:
    found = from_environment(CacheSettings, CACHE | {"ANOTHER": "x"})
    assert found == CacheSettings("redis://localhost:6379", "school-dev-cache", "none")


def test_environment_of_the_process_is_read_by_default(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("STUDENTS_PER_PAGE", "50")
    assert from_environment(StudentListSettings) == StudentListSettings(50)


def test_whole_numbers_are_read_as_such() -> None:
    assert from_environment(RateLimitSettings, {"SCHOOL_API_CALLS_PER_MINUTE": "72"}) == RateLimitSettings(72)


@pytest.mark.parametrize("raw", ["many", "7.5", "1e3", " ", "-", "--5", "²"])
def test_unreadable_number_is_named(raw: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        from_environment(RateLimitSettings, {"SCHOOL_API_CALLS_PER_MINUTE": raw})
    assert error.value.problems == ["SCHOOL_API_CALLS_PER_MINUTE: expected a whole number"]


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        from_environment(CacheSettings, {"CACHE_URL": "", "CACHE_AUTH": "none"})
    assert error.value.problems == ["CACHE_URL: missing", "CACHE_NAME: missing"]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_group_names_its_variables_in_capitals(group: type) -> None:
    assert variables_of(group) == tuple(item.name.upper() for item in fields(group))
    assert all(item.type in (str, int) for item in fields(group))
