"""`python -m local <command>`: the product on this machine."""

import sys

from local.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
