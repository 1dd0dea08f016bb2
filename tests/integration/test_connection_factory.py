"""How many new connections may be in progress at once, by how much room is left."""

from aiohttp import web

from adapter.http.connection import ConnectionFactory
from adapter.http.limits import ConnectionLimits
from tests.integration.greeters import Recorded


async def test_newcomers_come_in_slowly_where_little_room_is_left() -> None:
    """A flood beyond the limit must not take the turns of those that send; below it a burst comes in together."""
    factory = ConnectionFactory(web.Server(_never), ConnectionLimits(connections=100), Recorded())
    newcomers = [factory() for _ in range(87)]
    for number, newcomer in enumerate(newcomers):
        assert (number, factory.at_once()) == (number, 64)
        assert factory.admit(newcomer)
    assert factory.at_once() == 4
    factory.release(newcomers[0])
    assert factory.at_once() == 64


async def _never(_: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError
