"""How long the database keeps what it no longer needs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeepDays:
    """Days for each kind of record; what is older is deleted every night."""

    office_requests: int = 90  # what parents wrote to the office
    staff_actions: int = 730  # which command of staff, by whom
    notices: int = 90  # what WhatsApp told us besides messages
    message_log: int = 180  # what was asked and answered, without texts
    feedback: int = 365
    pass_requests: int = 90
    pass_scans: int = 90  # the looks at the page behind the QR code
    gate_passes: int = 400  # after their last day
    students: int = 400  # after they have left; with the numbers that could ask about them
    contacts: int = 730  # after their last message; who has sent STOP is kept, so that it holds


# A message may come again for eight days, and a week's pass requests are counted.
LEAST_DAYS = 14
MOST_DAYS = 3650
