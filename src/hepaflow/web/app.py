"""The application: every room's routes, the page, one shape for every failure, the guard around all of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

import hepaflow.web as rooms
from hepaflow.errors import HepaflowError, UsageError
from hepaflow.web import refusals
from hepaflow.web.entry import make_router
from hepaflow.web.guard import App, Guard
from hepaflow.web.pages import Pages
from hepaflow.web.refusals import NotThere, Refused
from hepaflow.web.room import Room


def make_app(room: Room, pages: Pages | None = None) -> FastAPI:
    """The whole server of a room, without its socket."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        room.events.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=life, redirect_slashes=False)
    app.state.room = room
    for name in sorted(found.name for found in pkgutil.iter_modules(rooms.__path__) if found.name.startswith("views_")):
        app.include_router(importlib.import_module(f"hepaflow.web.{name}").router)
    app.include_router(make_router(room, pages or Pages()))
    app.add_exception_handler(HepaflowError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(_Guarded, room=room)
    return app


class _Guarded(Guard):
    """The guard as a middleware."""

    def __init__(self, app: App, *, room: Room) -> None:
        super().__init__(app, room)


def _answer(error: HepaflowError, headers: dict[str, str] | None = None) -> JSONResponse:
    if isinstance(error, Refused) and error.wait_s is not None:
        headers = {**(headers or {}), "retry-after": str(error.wait_s)}
    return JSONResponse(refusals.body(error), refusals.status_of(error), headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HepaflowError)
    return _answer(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What does not fit is named by its place; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or str(part).isidentifier())
    return _answer(UsageError("REQUEST-INVALID", f"{place[:80]}: does not fit ({first['type']})", "Send what the page sends"))


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, HepaflowError):  # what reading the body was refused for
        return _answer(error.__cause__)
    if error.status_code == 404:
        return _answer(NotThere("NOT-FOUND", "there is nothing at this address", "Use the page of this server"))
    if error.status_code == 405:
        known = Refused("METHOD-NOT-ALLOWED", "this address takes no such request", "Use the page of this server", status=405)
        return _answer(known, dict(error.headers or {}))
    return _answer(
        Refused("REQUEST-REFUSED", "the request cannot be served", "Use the page of this server", status=error.status_code)
    )
