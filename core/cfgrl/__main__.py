"""`python -m cfgrl` is the command `cfgrl`."""

import sys

from cfgrl.cli._main import main

if __name__ == "__main__":
    sys.exit(main())
