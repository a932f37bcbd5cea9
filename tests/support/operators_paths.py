"""The operator's paths as they are seen through a proxy."""

from __future__ import annotations

import re

import httpx


async def reach_the_operators_paths(http: httpx.AsyncClient) -> None:
    """Ask for the server's health, for the console, and for every file that it names."""
    assert (await http.get("/-/healthz")).status_code == 200
    assert (await http.get("/-/actors")).status_code == 401
    console = await http.get("/-/")
    files = re.findall(r'(?:href|src)="(\.\.[^"]+)"', console.text)
    assert files
    for file in files:
        assert (await http.get(console.url.join(file))).status_code == 200, file
