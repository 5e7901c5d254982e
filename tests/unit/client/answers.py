"""What servers answer in these tests."""

from typing import Any

import httpx

ID = "7c58ea8f-3753-4428-77c5-ba6103933f1c"
JOB = {"name": "a", "id": ID}


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (
        httpx.Response(status, headers=named, json=body)
        if body is not None
        else httpx.Response(status, headers=named)
    )


def text(body: str, status: int) -> httpx.Response:
    return httpx.Response(status, text=body)
