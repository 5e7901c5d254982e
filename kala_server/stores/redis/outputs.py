"""What runs print, kept in a Redis: no record, bounded, gone with the run.

A run has one text with its beginning. Where it prints more than that, another one has the end, behind a line that says
from where on: it is appended to, and when it is twice as long as it need be its first half goes. So each byte is
written twice at the most. Every change is one script, so a kill leaves what was there.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeVar

from kala_server.outputs import utf8
from kala_server.outputs.bounded import Piece, text_of
from kala_server.ports.store import StoreError
from kala_server.stores.redis.link import Link

T = TypeVar("T")

PREFIX = "kala:output:"
_END = ":end"
_LINE = b"%019d\n"
_LINE_SIZE = len(_LINE % 0)
_AT_A_TIME = 1000
_BEGINNING = b"0"
"""Where a look through all keys begins, and what it answers at its end."""

_ADD = """
local beginning, rest = KEYS[1], KEYS[2]
local position, most, last = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local function behind_line() return redis.call('STRLEN', rest) - 20 end
local function line(start) return string.format('%019.0f\\n', start) end
local function until_where()
  if behind_line() < 0 then return redis.call('STRLEN', beginning) end
  return redis.call('GETRANGE', rest, 0, 18) + behind_line()
end
if position == 0 then redis.call('DEL', beginning, rest) elseif until_where() ~= position then return 0 end
for at = 4, #ARGV, 2 do
  local start, text = tonumber(ARGV[at]), ARGV[at + 1]
  if start ~= until_where() or (behind_line() < 0 and start + #text > most) then
    redis.call('SET', rest, line(start) .. text)
  elseif behind_line() < 0 then
    redis.call('APPEND', beginning, text)
  else
    redis.call('APPEND', rest, text)
    if behind_line() > 2 * last then
      redis.call('SET', rest, line(until_where() - last) .. redis.call('GETRANGE', rest, -last, -1))
    end
  end
end
return 1
"""

_SAVE = """
redis.call('SET', KEYS[1], ARGV[1])
if #ARGV > 1 then redis.call('SET', KEYS[2], ARGV[2]) else redis.call('DEL', KEYS[2]) end
"""


class RedisOutputs:
    """The outputs of all runs; see `Outputs` for what its methods promise. What goes wrong is an OSError."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        """Put the texts in place of what was there."""
        if pieces[-1].end:
            beginning, *end = pieces
            texts = [beginning.text, *(_LINE % piece.start + piece.text for piece in end)]
            self._tried(self._link.run, _SAVE, _keys(run_id), texts)

    def add(self, run_id: str, position: int, pieces: Sequence[Piece], limits: tuple[int, int]) -> bool:
        """Append to the text that the pieces follow on."""
        added = [word for piece in pieces for word in (piece.start, piece.text)]
        room = [limit + utf8.LONGEST for limit in limits]
        return bool(self._tried(self._link.run, _ADD, _keys(run_id), (position, *room, *added)))

    def load(self, run_id: str) -> list[Piece]:
        """Return both texts."""
        beginning, end = self._tried(self._link.ask, "MGET", *_keys(run_id))
        pieces = [Piece(0, beginning or b"")]
        if end is not None:
            pieces.append(Piece(int(end[:_LINE_SIZE]), end[_LINE_SIZE:]))
        return [piece for piece in pieces if piece.end]

    def read(self, run_id: str) -> bytes:
        """Return both texts in one."""
        return text_of(self.load(run_id))

    def drop(self, run_id: str) -> None:
        """Remove both texts."""
        self._tried(self._link.ask, "DEL", *_keys(run_id))

    def sweep(self, known: Container[str]) -> None:
        """Look through all keys, some at a time."""
        cursor = None
        while cursor != _BEGINNING:
            cursor, keys = self._tried(
                self._link.ask, "SCAN", cursor or _BEGINNING, "MATCH", f"{PREFIX}*", "COUNT", _AT_A_TIME
            )
            if gone := [key for key in keys if _run_of(key) not in known]:
                self._tried(self._link.ask, "DEL", *gone)

    @staticmethod
    def _tried(ask: Callable[..., T], *arguments: Any) -> T:
        try:
            return ask(*arguments)
        except StoreError as error:
            raise OSError(str(error)) from error


def _keys(run_id: str) -> tuple[str, str]:
    return f"{PREFIX}{run_id}", f"{PREFIX}{run_id}{_END}"


def _run_of(key: bytes) -> str:
    return key.decode().removeprefix(PREFIX).removesuffix(_END)
