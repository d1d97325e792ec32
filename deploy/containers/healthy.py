"""Exit with 0 when the program in this container says that it is ready."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 2.5


def main() -> int:
    """Ask /health/ready on this machine, whatever proxy the environment names."""
    url = f"http://127.0.0.1:{os.environ.get('HEALTH_PORT', '8000')}/health/ready"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=TIMEOUT_S) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, urllib.error.URLError):
        return 1


if __name__ == "__main__":
    sys.exit(main())
