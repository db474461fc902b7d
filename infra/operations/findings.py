"""What a check has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    subject: str
    text: str
    next: str = ""  # what to do; empty where all is well

    @property
    def is_well(self) -> bool:
        return not self.next
