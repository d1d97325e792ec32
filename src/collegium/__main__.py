"""``python -m collegium`` is the command ``collegium``."""

from __future__ import annotations

import sys

from collegium.cli import main

if __name__ == "__main__":
    sys.exit(main())
