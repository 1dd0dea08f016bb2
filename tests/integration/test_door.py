"""How many newcomers the door takes at once, by how much room it has."""

from aiohttp import web

from adapter.http.connection import Door
from adapter.http.limits import ConnectionLimits
from tests.integration.greeters import Recorded


async def test_newcomers_come_in_slowly_where_little_room_is_left() -> None:
    """A flood beyond the limit must not take the turns of those that send; below it a burst comes in together."""
    door = Door(web.Server(_never), ConnectionLimits(connections=100), Recorded())
    newcomers = [door() for _ in range(87)]
    for number, newcomer in enumerate(newcomers):
        assert (number, door.at_once()) == (number, 64)
        assert door.let_in(newcomer)
    assert door.at_once() == 4
    door.let_out(newcomers[0])
    assert door.at_once() == 64


async def _never(_: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError
