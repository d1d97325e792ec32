"""What texts of our formats look like, for schemathesis to send."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

_TAGS = ['"1.2af0"', 'W/"1.2af0"', '"1.2af0", "2.2af0"', "*"]

schemathesis.openapi.format("entity-tags", st.sampled_from(_TAGS))
# Each effect has a key of its own: sent again, a key would hide what is tried.
schemathesis.openapi.format(
    "sf-string", st.uuids(version=4).map(lambda key: f'"{key}"')
)
