"""How the memory of a small database is shared out, so that sign-ins with IAM tokens keep the room they need.

Nothing here imports the CDK. RDS asks for 300 to 1,000 MiB beside what PostgreSQL uses when applications sign in with
IAM; with its own defaults a small instance promises that room to buffers and connections (docs/decisions/0056).
"""

from dataclasses import dataclass
from typing import Final

SPARE: Final = 300  # MiB that must be left in the worst case, every connection open
SYSTEM: Final = 400  # MiB of the operating system and of RDS's own processes (an assumption, on the safe side)
SERVER: Final = 40  # MiB of PostgreSQL's own processes and tables of locks
OF_CONNECTION: Final = 5  # MiB: measured 3.8 without TLS

# MiB of an instance's memory by the ending of its class; what is larger has room by RDS's own defaults.
MEMORY: Final = {"nano": 512, "micro": 1024, "small": 2048, "medium": 4096}


@dataclass(frozen=True)
class Share:
    """What PostgreSQL may take on an instance of that memory (MiB)."""

    memory: int
    buffers: int  # MiB of shared buffers
    connections: int

    @property
    def spare(self) -> int:
        """MiB that are left when every connection is open."""
        return self.memory - SYSTEM - SERVER - self.buffers - OF_CONNECTION * self.connections

    def parameters(self) -> dict[str, str]:
        """Parameters of RDS."""
        return {
            "shared_buffers": str(self.buffers * 128),  # pages of 8 KiB
            "max_connections": str(self.connections),
            "maintenance_work_mem": "32768",  # KiB
        }


SHARES: Final = {
    "micro": Share(MEMORY["micro"], buffers=64, connections=40),
    "small": Share(MEMORY["small"], buffers=256, connections=150),
    "medium": Share(MEMORY["medium"], buffers=768, connections=300),
}


def share_of(instance: str) -> Share | None:
    """The share of an instance class such as t4g.micro; None where RDS's defaults leave enough."""
    return SHARES.get(instance.partition(".")[2])


def is_too_small(instance: str) -> bool:
    """Whether no parameters leave the room."""
    return instance.partition(".")[2] in MEMORY.keys() - SHARES.keys()
