"""Could the school's knowledge answer without a model? Questions as parents type them, and what `best` finds for each.

Written before they were tried, and with no eye on the entries' own words. What is measured is a promise: an entry is
*right* if it answers the question whole, and *wrong* if a parent would be misled or has to ask again.
"""

from typing import Final

from bench.report import Table
from functions.adapters.school_config import FOLDER, load

LEAST: Final = (1.5, 2.5, 3.5, 5.0, 6.5)  # scores from which on an entry counts; 1.5 is what an outage of OpenAI uses
QUESTIONS: Final = (  # and the entries that answer it whole; "": none does
    ("What time do you close?", "hours"),
    ("What time must my son be at school?", "hours"),
    ("can i fetch my daughter at 4pm", "late-pickup hours"),
    ("is there aftercare", ""),
    ("how much for grade 3 per term", "fees primary-fees"),
    ("fees for a form 5 doing sciences all together", ""),
    ("Do you accept ecocash", ""),
    ("what is the bank account number", ""),
    ("can I pay half now and half later", "payment-terms"),
    ("deadline for paying the rest of the fees", "payment-terms"),
    ("I paid yesterday but it still shows owing", "payment-missing"),
    ("do you have a bus to Budiriro", ""),
    ("how much is the bus one way to town", "transport"),
    ("what do I pay for transport from Chitungwiza", "transport"),
    ("where do I buy uniforms", ""),
    ("what should my child wear tomorrow", ""),
    ("is the tracksuit included in the winter set", ""),
    ("uniform price", "uniform"),
    ("do you do A level", "curriculum grades"),
    ("does the school offer computer science", ""),
    ("how many learners per class", "grades"),
    ("what subjects in form 3", ""),
    ("I want to enrol my child in form 1 next year, what do I bring", "admissions"),
    ("is there an entrance test", "registration"),
    ("do you have boarding", ""),
    ("how much is registration for form 2", "registration"),
    ("my kid is in grade 7, must I pay registration again for form 1", ""),
    ("where are you in Chitungwiza", "campuses"),
    ("whats the address of the admin office", "contact campuses"),
    ("phone number of the headmaster", ""),
    ("email address please", "contact"),
    ("when does third term end", "term-dates events"),
    ("when do we open in January 2027", ""),
    ("is tomorrow a school day", ""),
    ("when is consultation day", ""),
    ("which day is sports", "events uniform"),
    ("my child has chickenpox", "absence"),
    ("she will not come on Friday", "absence"),
    ("where can I see my child's marks", "results"),
    ("I need a transfer letter", "leaving"),
    ("we are moving to South Africa, what about the deposit", ""),
    ("how do I change my phone number", "my-number"),
    ("is lunch included for grade 1", "food"),
    ("do you have swimming", ""),
    ("how do I get a gate pass if I paid 60%", "gate-pass"),
    ("why was my gate pass refused", ""),
    ("can I use the same pass next term", ""),
    ("are you a real person", "assistant"),
    ("do you allow phones at school", ""),
    ("is the school registered with the ministry", ""),
)


def measure() -> Table:
    school = load(FOLDER)
    made = Table(
        f"Known questions without a model: {len(QUESTIONS)} questions",
        ["least score", "answered right", "answered wrong", "left to the model", "wrong of those answered"],
    )
    for least in LEAST:
        found = [(school.knowledge.best(question, least), wanted.split()) for question, wanted in QUESTIONS]
        right = sum(entry is not None and entry.id in wanted for entry, wanted in found)
        wrong = sum(entry is not None and entry.id not in wanted for entry, wanted in found)
        left = len(found) - right - wrong
        made.add(
            [least, right, wrong, left, f"{wrong / (right + wrong):.0%}" if right + wrong else "–"],
            least=least,
            right=right,
            wrong=wrong,
            left=left,
        )
    made.notes = [
        "Deterministic. When OpenAI is down the nearest entry is better than nothing; otherwise a model answers."
    ]
    return made
