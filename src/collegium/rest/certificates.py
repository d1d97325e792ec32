"""The certificates of a program as a client of others."""

from __future__ import annotations

import ssl
from pathlib import Path

from collegium.errors import Misconfigured


def client_tls(
    cert: Path | None, key: Path | None, ca: Path | None
) -> ssl.SSLContext | None:
    """Return how to call ``https`` addresses, None for the system's usual way.

    Parameters
    ----------
    cert, key : PEM files to show to servers that ask for a certificate.
    ca : PEM file of the only authorities to trust; None trusts the system's.

    Raises
    ------
    Misconfigured
        When a file cannot be used.
    """
    if cert is None and ca is None:
        return None
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except OSError as error:
        files = ", ".join(str(path) for path in (cert, key, ca) if path is not None)
        raise Misconfigured(f"The certificates in {files} fail: {error}.") from None
    return context
