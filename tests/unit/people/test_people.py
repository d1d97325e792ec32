"""People and memberships."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.people.service import email_hash
from fixtures.asgi import AsgiClient
from fixtures.world import AWAY, HOME

PEOPLE = f"{HOME}/people"


@given(st.emails())
def test_capitals_do_not_matter(address: str) -> None:
    """An address has the same hash in capitals, and no other has it."""
    assert email_hash(address) == email_hash(address.upper())
    assert email_hash(address) != email_hash(address + "x")


async def test_people_are_found_by_address(world: AsgiClient) -> None:
    """An address finds everybody who has it, in this university only."""
    for code, address in (
        ("P1", "Ada@Example.org"),
        ("P2", "ada@example.org"),
        ("P3", "bob@example.org"),
        ("P4", None),
    ):
        body = {"code": code, "name": code, "email": address}
        for university in (HOME, AWAY):
            reply = await world.post(f"{university}/people", body)
            assert reply.status == 201
    reply = await world.get(PEOPLE, query={"email": "ADA@example.org"})
    assert [person["code"] for person in reply.json()["items"]] == ["P1", "P2"]
    nobody = await world.get(PEOPLE, query={"email": "eve@example.org"})
    assert nobody.json()["items"] == []


async def test_a_new_address_replaces_the_old_one(world: AsgiClient) -> None:
    """After a change the new address finds the person, and the old one does not."""
    body = {"code": "P1", "name": "Ada", "email": "old@example.org"}
    shown = await world.post(PEOPLE, body)
    for address in ("new@example.org", None):
        shown = await world.patch(
            f"{PEOPLE}/P1", {"email": address}, headers={"if-match": shown.etag}
        )
        assert shown.status == 200
    for address in ("old@example.org", "new@example.org"):
        found = await world.get(PEOPLE, query={"email": address})
        assert found.json()["items"] == []


async def test_personal_data_is_private(world: AsgiClient) -> None:
    """No shared cache may keep people or memberships; rooms it may."""
    membership = {"person_id": "PERSON", "role": "student"}
    made = await world.post(f"{HOME}/memberships", membership)
    for path in (
        PEOPLE,
        f"{PEOPLE}/PERSON",
        f"{HOME}/memberships",
        made.headers["location"],
    ):
        reply = await world.get(path)
        again = await world.get(path, headers={"if-none-match": reply.etag})
        assert again.status == 304
        assert reply.headers["cache-control"] == "private, no-cache"
        assert again.headers["cache-control"] == "private, no-cache"
    assert "hash" not in (await world.get(f"{PEOPLE}/PERSON")).body.decode()
    rooms = await world.get(f"{HOME}/rooms")
    assert rooms.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("address", ["ada", "@", "a@", "@b", "a b@c", "a@b@c", "<a@b>"])
async def test_other_texts_are_no_addresses(world: AsgiClient, address: str) -> None:
    """What has no name or no host is refused."""
    body = {"code": "P1", "name": "Ada", "email": address}
    reply = await world.post(PEOPLE, body)
    assert reply.status == 422
    assert reply.json()["errors"][0]["pointer"] == "/email"


async def test_a_role_is_had_once_in_a_place(world: AsgiClient) -> None:
    """The same role twice in one place is refused, in another place it is not."""
    path = f"{HOME}/memberships"
    lecturer = {"person_id": "PERSON", "role": "lecturer"}
    for organisation in (None, "DEPT", "CAMPUS"):
        body = {**lecturer, "organisation_id": organisation}
        assert (await world.post(path, body)).status == 201
        again = await world.post(path, body)
        assert again.status == 409
        assert "/role" in {error["pointer"] for error in again.json()["errors"]}


async def test_memberships_end_after_their_start(world: AsgiClient) -> None:
    """A membership that ends before it begins is refused."""
    body = {
        "person_id": "PERSON",
        "role": "guest",
        "start_date": "2030-02-01",
        "end_date": "2030-01-31",
    }
    assert (await world.post(f"{HOME}/memberships", body)).status == 422
    one_day = {**body, "end_date": "2030-02-01"}
    assert (await world.post(f"{HOME}/memberships", one_day)).status == 201
