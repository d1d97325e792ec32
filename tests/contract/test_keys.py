"""Keys over HTTP: made, shown once, used, and ended; on both databases."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from collegium.catalogue.context import Catalogue
from collegium.coordinator.catalogue import include_catalogue
from collegium.db.connect import database_at
from collegium.db.database import Database
from collegium.db.work import utc_clock
from collegium.keys.repository import Keys, has_operator_key
from collegium.keys.secrets import parts_of
from collegium.rest.application import Application
from collegium.rest.gate import CoordinatorGate
from collegium.rest.pages import CursorSeal
from fixtures.access import KeyHolder, holder, new_key, serve_guarded
from fixtures.asgi import AsgiClient, Reply
from fixtures.world import AWAY, HOME

KEYS = f"{HOME}/keys"
REGISTRAR = {"role": "registrar", "name": "Registry"}
HOW_LONG = datetime.timedelta(days=365)


def shows_no_secret(reply: Reply, key: str) -> bool:
    """Tell whether neither the key nor what is kept of it is in an answer."""
    parts = parts_of(key.encode())
    assert parts is not None
    secret = parts[1]
    return not any(t.encode() in reply.body for t in (key, secret.text, secret.digest))


async def test_a_key_is_shown_once(world_database: Database) -> None:
    """In the answer to its making; never again, and only a digest is stored."""
    operator = await holder(world_database, "operator")
    made = await operator.post(KEYS, REGISTRAR)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json()["key"]
    assert key.startswith("cgk_")
    location = made.headers["location"]
    assert location == f"{KEYS}/{made.json()['id']}"
    for path in (location, KEYS, "/v1/keys", f"/v1/keys/{made.json()['id']}"):
        shown = await operator.get(path)
        assert shown.status == 200
        assert made.json()["id"].encode() in shown.body
        assert shows_no_secret(shown, key)
    expected = {k: v for k, v in made.json().items() if k != "key"}
    assert (await operator.get(location)).json() == expected
    for path in (f"{HOME}/audit-events", "/v1/audit-events"):
        events = await operator.get(path)
        assert events.json()["items"]
        assert shows_no_secret(events, key)
    ended = datetime.datetime.fromisoformat(expected["expires_at"])
    created = datetime.datetime.fromisoformat(expected["created_at"])
    # No later than the key that made it, which is a moment older.
    assert abs(ended - created - HOW_LONG) < datetime.timedelta(minutes=2)
    stored = await world_database.fetch_all("SELECT * FROM api_keys")
    answers = await world_database.fetch_all("SELECT * FROM answers")
    secret = key.rpartition("_")[2]
    assert not any(secret in str(value) for row in (*stored, *answers) for value in row)


async def test_a_repeated_request_gets_no_secret(world_database: Database) -> None:
    """An Idempotency-Key makes one key, and what is kept for it has no secret."""
    operator = await holder(world_database, "operator")
    headers = {"idempotency-key": '"one"'}
    first = await operator.post(KEYS, REGISTRAR, headers=headers)
    again = await operator.post(KEYS, REGISTRAR, headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    value = first.json()
    key = value.pop("key")
    assert again.json() == value
    assert shows_no_secret(again, key)
    kept = await world_database.fetch_all("SELECT answer FROM answers")
    assert kept
    secret = parts_of(key.encode())
    assert secret is not None
    for (answer,) in kept:
        assert secret[1].text not in answer
        assert secret[1].digest not in answer


async def test_what_is_wrong_looks_alike(world_database: Database) -> None:
    """None, a wrong one, an expired and a revoked one get the same answer."""
    operator = await holder(world_database, "operator")
    app = await serve_guarded(world_database)
    good = await new_key(world_database, "registrar")
    expired = await new_key(world_database, "registrar")
    revoked = await new_key(world_database, "registrar")
    await _end_now(world_database, expired)
    gone = await operator.delete(f"{KEYS}/{_id_of(revoked)}", headers={"if-match": "*"})
    assert gone.status == 204
    assert (await KeyHolder(app, good).get(f"{HOME}/courses")).status == 200
    other_secret = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    answers = []
    for key in (other_secret, expired, revoked, "cgk_", "nonsense", "é"):
        client = KeyHolder(app, key)
        answers.append(await client.get(f"{HOME}/courses"))
    answers.append(await AsgiClient(app).get(f"{HOME}/courses"))
    bodies = []
    for answer in answers:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        body.pop("request_id")
        bodies.append(body)
    assert all(body == bodies[0] for body in bodies)
    assert (await operator.get(f"{KEYS}/{_id_of(revoked)}")).status == 404


async def test_revoked_through_another_coordinator(
    world_url: str, world_database: Database
) -> None:
    """Nothing is kept of a key: revoked anywhere, it ends everywhere."""
    other = database_at(world_url)
    await other.open()
    try:
        app = Application(
            title="other", admission=CoordinatorGate(is_required=True, keys=Keys(other))
        )
        include_catalogue(app)
        app.state.catalogue = Catalogue(other, CursorSeal(b"x"))
        key = await new_key(world_database, "registrar")
        there = KeyHolder(app, key)
        assert (await there.get(f"{HOME}/courses/COURSE")).status == 200
        operator = await holder(world_database, "operator")
        path = f"/v1/keys/{_id_of(key)}"
        headers = await operator.latest(path)
        assert (await operator.delete(path, headers=headers)).status == 204
        assert (await there.get(f"{HOME}/courses/COURSE")).status == 401
    finally:
        await other.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (REGISTRAR, 201),
        ({"role": "student", "name": "A", "person_id": "PERSON"}, 201),
        ({"role": "scheduler", "name": "A", "organisation_id": "DEPT"}, 201),
        ({"role": "operator", "name": "A"}, 403),
        ({"role": "worker", "name": "A"}, 403),
        ({"role": "student", "name": "A"}, 422),
        ({"role": "student", "name": "A", "person_id": "NOBODY"}, 422),
        ({**REGISTRAR, "person_id": "PERSON"}, 422),
        ({**REGISTRAR, "scopes": ["fleet:read"]}, 422),
        ({**REGISTRAR, "scopes": ["courses:read"]}, 201),
        ({**REGISTRAR, "scopes": ["people:write"]}, 403),
        ({**REGISTRAR, "lifetime_days": 9}, 201),
        ({**REGISTRAR, "lifetime_days": 11}, 403),
        ({**REGISTRAR, "lifetime_days": 0}, 422),
        ({**REGISTRAR, "lifetime_days": 5000}, 422),
        ({**REGISTRAR, "university_id": "AWAY"}, 422),
        ({**REGISTRAR, "role": "king"}, 422),
    ],
)
async def test_no_key_is_more_than_its_maker(
    world_database: Database, body: dict[str, Any], status: int
) -> None:
    """Neither in role, nor in scopes, nor in time, nor in university."""
    maker = await holder(
        world_database,
        "registrar",
        scopes=["keys:read", "keys:write", "courses:read", "courses:write"],
        lifetime_days=10,
    )
    made = await maker.post(KEYS, body)
    assert made.status == status, made.body
    if status == 201:
        own = (await maker.get(f"{KEYS}/{_id_of(maker.key)}")).json()
        value = made.json()
        assert value["expires_at"] <= own["expires_at"]
        assert set(value["scopes"]) <= set(own["scopes"])
        assert value["created_by"] == own["id"]


async def test_a_registrar_reaches_no_keys_elsewhere(world_database: Database) -> None:
    """Keys of another university, and those of none, are not there for it."""
    registrar = await holder(world_database, "registrar")
    away = await new_key(world_database, "registrar", "AWAY")
    operator = await new_key(world_database, "operator")
    assert (await registrar.get(f"{AWAY}/keys")).status == 404
    for path in ("/v1/keys", "/v1/audit-events", f"/v1/keys/{_id_of(away)}"):
        assert (await registrar.get(path)).status == 403
    assert (await registrar.post("/v1/keys", REGISTRAR)).status == 403
    for key in (away, operator):
        path = f"{KEYS}/{_id_of(key)}"
        assert (await registrar.get(path)).status == 404
        gone = await registrar.delete(path, headers={"if-match": "*"})
        assert gone.status == 404
        assert (await Keys(world_database).find_key(key.encode())) is not None
    shown = {key["id"] for key in (await registrar.get(KEYS)).json()["items"]}
    assert shown == {_id_of(registrar.key)}


async def test_a_narrowed_key_is_held_to_its_scopes(world_database: Database) -> None:
    """What was left out when it was made stays out."""
    reader = await holder(world_database, "registrar", scopes=["courses:read"])
    assert (await reader.get(f"{HOME}/courses")).status == 200
    body = {"code": "NEW", "name": "New"}
    refused = await reader.post(f"{HOME}/courses", body)
    assert refused.status == 403
    assert "courses:write" in refused.json()["detail"]
    assert (await reader.get(f"{HOME}/rooms")).status == 403


async def test_keys_end_with_what_they_are_bound_to(world_database: Database) -> None:
    """A deleted person, organisation or university takes its keys along."""
    operator = await holder(world_database, "operator")
    for made in (
        await operator.post(f"{HOME}/people", {"code": "GOES", "name": "Goes"}),
        await operator.post(f"{HOME}/organisations", {"code": "GOES", "name": "Goes"}),
        await operator.post("/v1/universities", {"code": "GOES", "name": "Goes"}),
    ):
        assert made.status == 201
    keys = [
        await new_key(world_database, "student", person_id="GOES"),
        await new_key(world_database, "scheduler", organisation_id="GOES"),
        await new_key(world_database, "registrar", "GOES"),
    ]
    for path, key in zip(
        (f"{HOME}/people/GOES", f"{HOME}/organisations/GOES", "/v1/universities/GOES"),
        keys,
        strict=True,
    ):
        assert await Keys(world_database).find_key(key.encode()) is not None
        headers = await operator.latest(path)
        assert (await operator.delete(path, headers=headers)).status == 204
        assert await Keys(world_database).find_key(key.encode()) is None


async def test_a_list_is_renewed_by_each_key(world_database: Database) -> None:
    """Both collections have another tag when a key comes or goes."""
    operator = await holder(world_database, "operator")
    tags = []
    made = None
    for step in ("before", "make", "revoke"):
        if step == "make":
            body = {**REGISTRAR, "university_id": "HOME"}
            made = await operator.post("/v1/keys", body)
            assert made.status == 201
        elif step == "revoke":
            assert made is not None
            path = f"{KEYS}/{made.json()['id']}"
            headers = await operator.latest(path)
            assert (await operator.delete(path, headers=headers)).status == 204
        lists = [await operator.get(path) for path in (KEYS, "/v1/keys")]
        tags.append((lists[0].etag, lists[1].etag))
    assert len({a for a, _ in tags}) == len({b for _, b in tags}) == 3


async def test_somebody_can_make_keys(world_database: Database) -> None:
    """An operator's key counts until it expires."""
    now = "2030-01-01T00:00:00.000000Z"
    await new_key(world_database, "registrar")
    assert not await has_operator_key(world_database, now)
    await new_key(world_database, "operator", lifetime_days=1096)
    assert await has_operator_key(world_database, utc_clock().isoformat())
    assert not await has_operator_key(world_database, "2999-01-01T00:00:00.000000Z")


def _id_of(key: str) -> str:
    parts = parts_of(key.encode())
    assert parts is not None
    return parts[0]


async def _end_now(database: Database, key: str) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(
            "UPDATE api_keys SET expires_at = '2001-01-01T00:00:00.000000Z' "
            "WHERE id = ?",
            (_id_of(key),),
        )
