from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import Malformed
from collegium.workloads.frames import (
    Done,
    Exited,
    Failed,
    Forked,
    FrameReader,
    Kill,
    Message,
    Progress,
    Ready,
    Run,
    Stop,
    encode,
)

TEXT = st.text(max_size=20)
FLOAT = st.floats(0, 1e9)
COUNT = st.integers(0, 2**53)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Run,
        id=TEXT,
        workload=TEXT,
        input=st.binary(),
        blobs=st.dictionaries(TEXT, TEXT),
        deadline_s=FLOAT,
    ),
    st.builds(Stop, id=TEXT),
    st.builds(Progress, id=TEXT, progress=st.dictionaries(TEXT, COUNT)),
    st.builds(Done, id=TEXT, output=st.binary(), seconds=FLOAT, resident_bytes=COUNT),
    st.builds(
        Failed, id=TEXT, error=TEXT, detail=TEXT, seconds=FLOAT, resident_bytes=COUNT
    ),
    st.builds(Kill, pid=COUNT),
    st.builds(Ready, workloads=st.lists(TEXT)),
    st.builds(Forked, pid=COUNT),
    st.builds(Exited, pid=COUNT, code=st.integers(-64, 255)),
)


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_messages_survive_any_cutting(
    messages: list[Message], data: st.DataObject
) -> None:
    """However the stream of bytes is cut, the same messages come out."""
    stream = b"".join(map(encode, messages))
    reader, found = FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == messages


@pytest.mark.parametrize(
    "stream",
    [b"\xff\xff\xff\xff", b"\x01\x00\x00\x00\xc1", b"\x02\x00\x00\x00\x81\xa4"],
)
def test_damaged_stream_is_refused(stream: bytes) -> None:
    """What cannot be a frame of ours is said to be damaged."""
    with pytest.raises(Malformed):
        list(FrameReader().feed(stream))
