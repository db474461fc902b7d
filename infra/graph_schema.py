"""The published schema of the GraphQL gateway, and whether it composes with other subgraphs as Apollo's router does it.

python -m infra.graph_schema      # writes docs/school.graphql, once it composes
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from functions.adapters.graphql.schema import SCHEMA
from infra.cli import node_environment, npm_install
from infra.packaging import BUILD, ROOT

PUBLISHED: Final = ROOT / "docs" / "school.graphql"
COMPOSITION: Final = "2.14.4"  # of the npm package @apollo/composition


class CompositionError(Exception):
    """Subgraphs that do not fit together; the message names each reason."""


def schema() -> str:
    """The schema as `_service { sdl }` gives it, and as it is published."""
    return SCHEMA.as_str() + "\n"


def compose(subgraphs: Mapping[str, str]) -> str:
    """The supergraph of some subgraphs (name -> schema), by Apollo's own library; CompositionError if there is none."""
    environment = node_environment()
    folder = BUILD / f"composition-{COMPOSITION}"
    if not folder.exists():
        print(f"Installing @apollo/composition {COMPOSITION} into {folder.relative_to(ROOT)} ...", file=sys.stderr)
        npm_install(f"@apollo/composition@{COMPOSITION}", folder, environment)
    outcome = subprocess.run(
        ["node", str(ROOT / "infra" / "compose.cjs")],
        input=json.dumps(subgraphs),
        capture_output=True,
        text=True,
        env=environment | {"NODE_PATH": str(folder / "node_modules")},
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
