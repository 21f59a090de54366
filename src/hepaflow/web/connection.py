"""The HTTP connection, with an end to patience: for headers that do not come, for answers that are not read, for too many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: A request's headers must be whole within this, and what is answered must be taken within this.
HEADERS_S, TAKE_S = 10.0, 60.0
#: Open connections; further ones are closed.
CONNECTIONS = 256


class PatientProtocol(H11Protocol):
    """uvicorn's own, which waits for a slow client without end."""

    _waiting: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection, or none when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._waiting = self.loop.call_later(HEADERS_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        """A part of a request; the clock runs while its headers are not whole."""
        super().data_received(data)
        self._judge()

    def on_response_complete(self) -> None:
        """An answer is out; what came of the next request meanwhile must become whole too."""
        super().on_response_complete()
        self._judge()

    def _judge(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._waiting is None and not self.transport.is_closing() and self.conn.trailing_data[0]:
            self._waiting = self.loop.call_later(HEADERS_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop_waiting()
        self._stop_taking()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not take what it asked for."""
        super().pause_writing()
        if self._taking is None:
            self._taking = self.loop.call_later(TAKE_S, self._give_up)

    def resume_writing(self) -> None:
        """It does again."""
        self._stop_taking()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered in the shape of every failure."""
        body = (
            b'{"error":{"code":"HTTP-INVALID","what":"the request is not HTTP, or its head is too large","advice":"Use a browser"}}'
        )
        headers: Any = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _give_up(self) -> None:
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
