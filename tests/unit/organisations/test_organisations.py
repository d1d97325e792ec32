"""Organisations."""

from __future__ import annotations

import asyncio

from fixtures.asgi import AsgiClient
from fixtures.world import AWAY, HOME

ORGANISATIONS = f"{HOME}/organisations"


async def test_organisations_form_trees(world: AsgiClient) -> None:
    """An organisation is never, over however many steps, part of itself."""
    for code, parent in (("A", None), ("B", "A"), ("C", "B"), ("D", "C")):
        body = {"code": code, "name": code, "parent_id": parent}
        assert (await world.post(ORGANISATIONS, body)).status == 201
    top = await world.get(f"{ORGANISATIONS}/A")
    for parent in "ABCD":
        refused = await world.patch(
            top.path, {"parent_id": parent}, headers={"if-match": top.etag}
        )
        assert refused.status == 422
        assert refused.json()["errors"][0]["pointer"] == "/parent_id"
    assert (await world.get(top.path)).etag == top.etag
    low = await world.get(f"{ORGANISATIONS}/D")
    moved = await world.patch(
        low.path, {"parent_id": "A"}, headers={"if-match": low.etag}
    )
    assert moved.status == 200


async def test_no_two_make_a_circle_together(world: AsgiClient) -> None:
    """Of two changes at once that together would make a circle, one is refused."""
    for number in range(5):
        pair = []
        for side in "LR":
            body = {"code": f"{side}{number}", "name": side}
            pair.append(await world.post(ORGANISATIONS, body))
        left, right = pair
        replies = await asyncio.gather(
            world.patch(
                f"{ORGANISATIONS}/L{number}",
                {"parent_id": f"R{number}"},
                headers={"if-match": left.etag},
            ),
            world.patch(
                f"{ORGANISATIONS}/R{number}",
                {"parent_id": f"L{number}"},
                headers={"if-match": right.etag},
            ),
        )
        assert sorted(reply.status for reply in replies) == [200, 422]


async def test_time_zones_are_known(world: AsgiClient) -> None:
    """A campus has a time zone of the IANA database."""
    body = {"code": "FAR", "name": "Far", "type": "branch"}
    good = await world.post(ORGANISATIONS, {**body, "time_zone": "Pacific/Auckland"})
    assert good.status == 201
    for wrong in ("Middle/Earth", "", "../etc", "CET+1"):
        reply = await world.post(ORGANISATIONS, {**body, "time_zone": wrong})
        assert reply.status == 422
        assert reply.json()["errors"][0]["pointer"] == "/time_zone"


async def test_a_university_with_anything_stays(world: AsgiClient) -> None:
    """A university cannot be deleted while anything belongs to it."""
    shown = await world.get(AWAY)
    refused = await world.delete(AWAY, headers={"if-match": shown.etag})
    assert refused.status == 409
    for kind in ("organisations", "rooms", "sessions", "people", "courses"):
        assert kind in refused.json()["detail"]
