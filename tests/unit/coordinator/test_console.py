from __future__ import annotations

import re
from importlib.resources import files

from collegium.coordinator.console import console_router
from collegium.rest.application import Application
from fixtures.serving import serving


def _app() -> Application:
    app = Application(title="console")
    app.include_router(console_router())
    return app


def _parts() -> dict[str, str]:
    names = ("index.html", "console.css", "console.js", "icon.svg")
    return {name: (files("collegium.ui") / name).read_text() for name in names}


async def test_the_console_loads_with_all_its_parts() -> None:
    """Everything that the page names is served, typed and never sniffed."""
    types = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    async with serving(_app()) as client:
        async with client.get("/") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            page = await answer.text()
        for name in re.findall(r'(?:href|src)="(ui/[^"]+)"', page):
            async with client.get(f"/{name}") as answer:
                assert answer.status == 200, name
                expected = types["." + name.rpartition(".")[2]]
                assert answer.headers["Content-Type"].startswith(expected)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """No inline script or style, no other origin, no frame around the page."""
    async with serving(_app()) as client, client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in policy


def test_no_part_names_another_site_or_makes_markup_of_data() -> None:
    """The page works without the internet, and shows data as text only."""
    parts = _parts()
    for name, text in parts.items():
        found = re.sub(r"http://www\.w3\.org/2000/svg", "", text)
        assert not re.search(r"https?://", found), name
    page = parts["index.html"]
    assert not re.search(r"<style|style=|<script>|\son\w+=", page)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|eval", parts["console.js"]
    )


async def test_a_part_that_has_not_changed_is_not_sent_again() -> None:
    """A matching tag gets 304; another name gets 404."""
    async with serving(_app()) as client:
        async with client.get("/ui/console.js") as answer:
            etag = answer.headers["ETag"]
        headers = {"If-None-Match": etag}
        async with client.get("/ui/console.js", headers=headers) as answer:
            assert answer.status == 304
        async with client.get("/ui/__init__.py") as answer:
            assert answer.status == 404
