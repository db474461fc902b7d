"""The documents name only what exists: links, files, commands, functions, settings; and each decision has its form."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from infra.catalog import COMMON_SETTINGS, FUNCTIONS

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
INDEX = ROOT / "docs" / "decisions" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAKEFILES = ("Makefile", "infra/infra.mk", "bench/bench.mk")

FILE_SUFFIXES = (".py", ".md", ".json", ".toml", ".mk", ".graphql", ".in", ".txt", ".yml")
BUCKET_FOLDERS = ("inspection/", "passes/")  # of the documents bucket, not of the repository
NOT_IN_GIT = tuple(line for line in (ROOT / ".gitignore").read_text("utf-8").split() if line.endswith("/"))
FENCE = re.compile(r"^[ ]*```.*?^[ ]*```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)|<img\s+src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def code(page: Path) -> str:
    """What stands in code blocks and code spans, a line each."""
    text = page.read_text("utf-8")
    return "\n".join([*FENCE.findall(text), *CODE_SPAN.findall(FENCE.sub("", text))])


# --- links


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(text: str) -> Iterator[str]:
    """The targets of a page's links and images that are not on the web."""
    for found in LINK.finditer(text):
        target = found[1] or found[2]
        if not re.match(r"[a-z]+:", target):
            yield target


def broken_links(page: Path, text: str) -> list[str]:
    """The relative links of `text`, read as the content of `page`, that lead nowhere."""
    broken = []
    for target in links(text):
        file, _, fragment = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (fragment and fragment not in anchors(path)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_and_their_anchors_exist(page: Path) -> None:
    assert broken_links(page, prose(page)) == []


def test_a_broken_link_or_anchor_is_found() -> None:
    text = (
        "[a](decisions/README.md) [b](nowhere.md) [c](operations.md#settings) [d](operations.md#nowhere) [e](https://x)"
    )
    assert broken_links(ROOT / "docs" / "architecture.md", text) == ["nowhere.md", "operations.md#nowhere"]


# --- files


def file_names(text: str) -> Iterator[str]:
    """The code spans of a page that name a file or folder of the repository."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for span in CODE_SPAN.findall(text):
        if not re.fullmatch(r"[\w./<>*{},…-]+", span) or span.startswith((*NOT_IN_GIT, *BUCKET_FOLDERS, "/")):
            continue
        if span.split("/")[0] in folders or (span.endswith(FILE_SUFFIXES) and not span.startswith(".")):
            yield span


def expanded(name: str) -> Iterator[str]:
    """`{a,b}` as both, `<name>` and `…` as anything."""
    parts = [part[1:-1].split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", name)]
    for choice in product(*parts):
        yield re.sub(r"<[^>]*>|…", "*", "".join(choice))


@cache
def exists(name: str) -> bool:
    """Whether each file that the name stands for is there; a bare file name may be in any folder."""
    return all(any(ROOT.glob(pattern)) or ("/" not in pattern and any(_tracked(pattern))) for pattern in expanded(name))


def _tracked(pattern: str) -> Iterator[Path]:
    folders = (path for path in ROOT.iterdir() if path.is_dir() and f"{path.name}/" not in NOT_IN_GIT)
    for folder in folders:
        if not folder.name.startswith("."):
            yield from folder.rglob(pattern)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_files_that_a_page_names_exist(page: Path) -> None:
    assert [name for name in file_names(prose(page)) if not exists(name)] == []


def test_a_file_that_is_missing_is_found() -> None:
    text = (
        "`functions/<name>.py` `functions/layers/{core,pdf}.in` `nowhere.py` `docs/nowhere/` `.local/x.json` `say hi`"
    )
    assert [name for name in file_names(text) if not exists(name)] == ["nowhere.py", "docs/nowhere/"]


SOURCES = sorted(
    path
    for folder in ("functions", "infra", "local", "bench", "config", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".mk", ".in", ".toml", ".json", "") and path.is_file()
)


def documents_missing(text: str) -> list[str]:
    """The pages of `docs/` that a source file names and that are not there."""
    return [name for name in re.findall(r"\bdocs/[\w./-]+\.(?:md|graphql)\b", text) if not (ROOT / name).is_file()]


def test_documents_that_the_source_names_exist() -> None:
    stale = {named(path) for path in [*SOURCES, ROOT / "Makefile"] if documents_missing(path.read_text("utf-8"))}
    assert stale == set()


# --- commands


def targets() -> set[str]:
    """What `make` can be asked for."""
    text = "\n".join((ROOT / name).read_text("utf-8") for name in MAKEFILES)
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def asked_of_make(text: str) -> set[str]:
    return set(re.findall(r"\bmake ([a-z][a-z-]*)", text))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    assert asked_of_make(code(page)) - targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_modules_that_a_page_runs_exist(page: Path) -> None:
    modules = set(re.findall(r"python3? -m ([a-z][\w.]*)", code(page)))
    ours = {name.replace(".", "/") for name in modules if (ROOT / name.split(".")[0]).is_dir()}
    assert [name for name in ours if not exists(f"{name}.py") and not exists(f"{name}/__main__.py")] == []


# --- what the pages must hold


def rows_of(page: Path, heading: str) -> list[str]:
    """The first cells of the tables below a heading."""
    _, _, rest = page.read_text("utf-8").partition(f"\n## {heading}\n")
    part = rest.partition("\n## ")[0]
    return [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| `")]


def test_architecture_lists_every_function_and_no_other() -> None:
    rows = rows_of(ROOT / "docs" / "architecture.md", "Functions")
    assert sorted(rows) == sorted(f"`{function.name}`" for function in FUNCTIONS)


def test_architecture_explains_every_setting_of_a_function() -> None:
    rows = ", ".join(rows_of(ROOT / "docs" / "architecture.md", "Settings of the functions"))
    wanted = {name for function in FUNCTIONS for name in function.environment} | set(COMMON_SETTINGS)
    assert sorted(wanted - set(re.findall(r"`(\w+)`", rows))) == []


# --- decisions


def problems_of(record: str, numbers: Sequence[str], number: str) -> list[str]:
    """What a decision record lacks."""
    status = re.search(
        r"^\* Status: (?:accepted|superseded by \[(\d{4})\]\(\1-[a-z0-9-]+\.md\))$", record, re.MULTILINE
    )
    parts = {
        f"a first line '# {number}. Title'": re.match(rf"# {number}\. \S", record),
        "a date": re.search(r"^\* Date: \d{4}-\d\d-\d\d(, revised \d{4}-\d\d-\d\d)*$", record, re.MULTILINE),
        "a status, `accepted` or a link to the record that replaces it": status
        and (status[1] is None or status[1] in numbers),
        "a part What": re.search(r"^## What\n\n\S", record, re.MULTILINE),
        "a part Why": re.search(r"^## Why\n\n\S", record, re.MULTILINE),
        "no parts but What, Why and Measured": set(re.findall(r"^## (.+)$", record, re.MULTILINE))
        <= {"What", "Why", "Measured"},
    }
    return [name for name, found in parts.items() if not found]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_has_its_parts(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md", path.name)
    numbers = [item.name[:4] for item in RECORDS]
    assert problems_of(path.read_text("utf-8"), numbers, path.name[:4]) == []


def test_an_incomplete_record_is_found() -> None:
    record = (
        "# 0002. Title\n\n* Date: 2026-11-25\n* Status: superseded by [0009](0009-x.md)\n\n## What\n\nThis.\n\n## Why\n"
    )
    found = problems_of(record, ["0001", "0002"], "0002")
    assert found == ["a status, `accepted` or a link to the record that replaces it", "a part Why"]


def test_decisions_are_numbered_from_1_without_gaps() -> None:
    assert [path.name[:4] for path in RECORDS] == [f"{number:04d}" for number in range(1, len(RECORDS) + 1)]


def test_the_index_lists_every_decision_in_order_with_its_title() -> None:
    rows = re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \| \d{4}-\d\d-\d\d \|$", INDEX.read_text("utf-8"), re.MULTILINE)
    titles = [path.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(". ")[2] for path in RECORDS]
    assert rows == [(path.name[:4], title, path.name) for path, title in zip(RECORDS, titles, strict=True)]
