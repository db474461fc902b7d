"""What the AI is told, and what of its answer may reach a parent: only what was given to it."""

from collections.abc import Callable, Iterable
from datetime import date

from functions.domain.accounts import Account, Standing
from functions.domain.documents import chronological, long_date
from functions.domain.grounding import is_grounded
from functions.domain.money import Currency
from functions.domain.people import Student
from functions.domain.school import School

MOST_QUESTION = 1500  # characters of a question that are read
MOST_OF_A_NAME = 60  # characters of a name or a fee type
MOST_LINES = 60  # charges and payments of a child that the model sees: the latest
MOST_ANSWER = 1500  # characters of an answer that are sent
_NO_FIGURES = "# FIGURES\n\nThey cannot be read at the moment; say so if they are asked for."


def facts(school: School, today: date) -> str:
    """What the model knows of the school, and what its answers may take amounts, numbers and contacts from.

    The same for everyone on one day. What changes from day to day stands last, so that the provider can cache the rest.
    """
    knowledge = "\n\n".join(f"## {entry.title}\n{entry.answer}" for entry in school.knowledge.entries)
    terms = "\n".join(
        f"{term.code} is {term.title}: {long_date(term.begins)} to {long_date(term.ends)}"
        for term in school.calendar.terms
    )
    office = school.office
    contact = ", ".join(part for part in (office.phone, office.email, office.address, school.website) if part)
    return (
        f"# KNOWLEDGE\n\n{knowledge}\n\n# TERMS\n\n{terms}\n\n# OFFICE\n\n{contact}\n\n"
        f"# TODAY\n\n{today:%A}, {long_date(today)}. All amounts are in {school.currency.name}.\n"
    )


def figures(account: Account | None, students: Iterable[Student], school: School) -> str:
    """The figures of the students that a question is about; "" where it is about nobody's."""
    return _figures(account, students, school, lambda text: one_line(text, MOST_OF_A_NAME))


def proof(account: Account | None, students: Iterable[Student], school: School) -> str:
    """The same figures without names and fee types: an amount that someone has written there was not given."""
    return _figures(account, students, school, lambda text: "")


def _figures(
    account: Account | None, students: Iterable[Student], school: School, written: Callable[[str], str]
) -> str:
    """`written`: what is shown of a text that people have written."""
    if account is None:
        return _NO_FIGURES if tuple(students) else ""
    blocks = []
    for student in students:
        found = account.students.get(student.id)
        if found is None:
            continue
        balance, currency, show = found.balance, school.currency, school.currency.show
        lines = [f"{written(student.name)} ({written(student.grade)}), {account.term}:"]
        if not found.bills and not found.payments:
            lines.append("no fees recorded yet")
        else:
            standing = {
                Standing.OWED: f"still owed {show(balance.owed)}",
                Standing.CREDIT: f"in credit {show(-balance.owed)}",
                Standing.NO_FEES: "no fees recorded yet",
            }.get(balance.standing, "fully paid")
            lines.append(
                f"billed {show(balance.billed)}, paid {show(balance.paid)} ({balance.percent_paid} %), {standing}"
            )
            lines += [
                f"- {line.day or 'undated'}: {'payment' if paid else 'charge'}, {written(line.kind)} "
                f"{currency.show_other(line.amount, line.currency)}"
                for line, paid in chronological(found)[-MOST_LINES:]
            ]
            lines += [
                f"not counted above, in {code}: billed {currency.show_other(other.billed, code)}, "
                f"paid {currency.show_other(other.paid, code)}"
                for code, other in found.others.items()
            ]
        blocks.append("\n".join(lines))
    return "# FIGURES of this parent's children\n\n" + "\n\n".join(blocks) if blocks else ""


def one_line(text: str, most: int) -> str:
    """A text as data: one line without anything that could close a mark or begin a heading."""
    return " ".join(text.split())[:most].replace("<", "‹").replace(">", "›").lstrip("# ")


def question(text: str) -> str:
    """The message as data: marked off, shortened, without anything that could close the mark."""
    shortened = text.strip()[:MOST_QUESTION].replace("<", "‹").replace(">", "›")
    return f"<question>\n{shortened}\n</question>"


def is_safe(answer: str, given: str, currency: Currency) -> bool:
    """Whether an answer may be sent: not empty, not overlong, and with nothing in it that was not given."""
    return bool(answer.strip()) and len(answer) <= MOST_ANSWER and is_grounded(answer, given, currency)
