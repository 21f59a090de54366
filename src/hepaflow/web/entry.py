"""Coming in: by the one-time address on loopback, by name and password elsewhere. Small pages without script."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hepaflow.web import known
from hepaflow.web.accounts import Door
from hepaflow.web.guard import cookie
from hepaflow.web.pages import Pages
from hepaflow.web.places import known_form
from hepaflow.web.refusals import Refused
from hepaflow.web.room import Room

_TEXT = {
    "title": ("hepaflow reading room", "hepaflow, salle de lecture"),
    "used": (
        "This address was used already, or is too old. Open the one that hepaflow serve printed last, or start it again.",
        "Cette adresse a déjà servi ou est trop ancienne. Ouvrez la dernière que hepaflow serve a affichée, ou relancez-le.",
    ),
    "closed": (
        "Open the address that hepaflow serve printed in its terminal.",
        "Ouvrez l'adresse que hepaflow serve a affichée dans son terminal.",
    ),
    "name": ("Name", "Nom"),
    "password": ("Password", "Mot de passe"),
    "login": ("Log in", "Se connecter"),
    "wrong": ("Name or password is wrong.", "Nom ou mot de passe incorrect."),
}
_STYLE = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:#0e1114;color:#e6e9ec;font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:24rem;padding:2rem}h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;margin:.75rem 0 .25rem}"
    "input{width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #5b6670;border-radius:4px;background:#171c21;color:inherit;"
    "font:inherit}button{margin-top:1.25rem;padding:.6rem 1.25rem;border:0;border-radius:4px;background:#8ecbff;color:#06121c;"
    "font:inherit;font-weight:600;cursor:pointer}:focus-visible{outline:3px solid #ffd479;outline-offset:2px}.wrong{color:#ffb4a8}"
)


def make_router(room: Room, pages: Pages) -> APIRouter:
    """Routes of the door: ``/``, ``/enter``, ``/login``, the doors' style and every file of the page."""
    router, door = APIRouter(), Door(room.tables)

    @router.get("/")
    def index(request: Request) -> Response:
        """The page; without a session, the door."""
        if _inside(room, request):
            return pages.index(request)
        return _page(request, f"<p>{_word('closed', request)}</p>", 401) if room.gate.local else RedirectResponse("/login", 303)

    @router.get("/enter")
    def enter(request: Request, token: str = "", study: str = "") -> Response:
        """A session for a one-time token, which leaves the address bar at once. A browser that is inside already uses up none."""
        if _inside(room, request):
            return RedirectResponse(_page_of(room, study), 303)
        secret = room.sessions.enter(token) if room.gate.local and len(token) <= 100 else None
        return _page(request, f"<p>{_word('used', request)}</p>", 401) if secret is None else _with_cookie(room, secret, study)

    @router.get("/login")
    def ask(request: Request, study: str = "") -> Response:
        """The form; who is inside already is let through."""
        if room.gate.local or _inside(room, request):
            return RedirectResponse(_page_of(room, study), 303)
        return _page(request, _form(request, study), 200)

    @router.post("/login")
    async def login(request: Request, study: str = "") -> Response:
        """Checks name and password."""
        if room.gate.local:
            return RedirectResponse("/", 303)
        given = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=4)
        name, password = (given.get(key, [""])[0] for key in ("name", "password"))
        address = request.client.host if request.client else ""
        try:
            right = await run_in_threadpool(door.check, name, password, address=address)
        except Refused as wait:
            return _page(request, _form(request, study, wait.what + ". " + wait.advice + "."), wait.status, wait_s=wait.wait_s)
        with room.tables.begin() as connection:
            who = name if right else "-"
            room.tables.audit(connection, study=None, who=who, what="login" if right else "login-refused", detail={})
        return (
            _with_cookie(room, room.sessions.start(name), study)
            if right
            else _page(request, _form(request, study, _word("wrong", request)), 401)
        )

    @router.get("/door.css")
    def style() -> Response:
        """The look of the door."""
        return Response(_STYLE, media_type="text/css")

    @router.get("/{rest:path}")
    def file(rest: str, request: Request) -> Response:
        """A file of the page."""
        return pages.file(f"/{rest}", request)

    return router


def _inside(room: Room, request: Request) -> bool:
    secret = cookie(request.headers.getlist("cookie"), room.gate.cookie)
    return secret is not None and room.sessions.who(secret) is not None


def _page_of(room: Room, study: str) -> str:
    """Where the page begins: at a study of this room; at the list for whatever else was asked for."""
    if not known_form(study):
        return "/"
    with room.tables.read() as connection:
        found = known.leads_to(connection, study)
    return "/" if found is None else f"/#/study/{found}"


def _with_cookie(room: Room, secret: str, study: str) -> Response:
    answer = RedirectResponse(_page_of(room, study), 303)
    answer.set_cookie(room.gate.cookie, secret, path="/", httponly=True, samesite="strict", secure=room.gate.scheme == "https")
    return answer


def _word(key: str, request: Request) -> str:
    return _TEXT[key][_language(request) == "fr"]


def _language(request: Request) -> str:
    return "fr" if request.headers.get("accept-language", "").lower().startswith("fr") else "en"


def _form(request: Request, study: str, wrong: str = "") -> str:
    goal = f"?study={study}" if known_form(study) else ""
    said = f'<p class="wrong" role="alert">{html.escape(wrong)}</p>' if wrong else ""
    name, password, login = (_word(key, request) for key in ("name", "password", "login"))
    return (
        f'{said}<form method="post" action="/login{goal}"><label for="name">{name}</label>'
        f'<input id="name" name="name" autocomplete="username" required autofocus><label for="password">{password}</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required>'
        f"<button>{login}</button></form>"
    )


def _page(request: Request, inside: str, status: int, *, wait_s: int | None = None) -> Response:
    title, language = _word("title", request), _language(request)
    text = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/door.css"></head><body><main><h1>{title}</h1>{inside}</main></body></html>'
    )
    headers: dict[str, Any] = {} if wait_s is None else {"retry-after": str(wait_s)}
    return HTMLResponse(text, status, headers=headers)
