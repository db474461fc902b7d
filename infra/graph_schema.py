"""The published schema of the GraphQL gateway, and whether it composes with other subgraphs as Apollo's router does it.

python -m infra.graph_schema      # writes docs/school.graphql, once it composes
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from functions.adapters.graphql.schema import SCHEMA
from infra import node
from infra.paths import ROOT

PUBLISHED: Final = ROOT / "docs" / "school.graphql"


class CompositionError(Exception):
    """Subgraphs that do not fit together; the message names each reason."""


def schema() -> str:
    """The schema as `_service { sdl }` gives it, and as it is published."""
    return SCHEMA.as_str() + "\n"


def compose(subgraphs: Mapping[str, str]) -> str:
    """The supergraph of some subgraphs (name -> schema), by Apollo's own library; CompositionError if there is none."""
    node.install_packages()
    outcome = subprocess.run(
        ["node", str(ROOT / "infra" / "compose.cjs")],
        input=json.dumps(subgraphs),
        capture_output=True,
        text=True,
        env=node.environment(),
    )
    if outcome.returncode:
        raise CompositionError(outcome.stderr.strip())
    return outcome.stdout


def main() -> int:
    try:
        compose({"school": schema()})
    except CompositionError as error:
        print(error, file=sys.stderr)
        return 1
    PUBLISHED.write_text(schema())
    return 0


if __name__ == "__main__":
    sys.exit(main())
