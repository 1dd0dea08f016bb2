"""Where the stand-in for Browsee listens."""

from pathlib import Path

import pytest

from adapter.service.sandbox import stand_in_port
from adapter.settings.load import load_settings


@pytest.mark.parametrize(
    ("listen", "admin", "port"),
    [(8080, None, 8081), (8080, 8081, 8082), (8080, 9000, 8081), (8081, 8080, 8082), (0, None, 0), (0, 1, 0)],
)
def test_it_takes_the_next_port_that_the_settings_leave(
    tmp_path: Path, listen: int, admin: int | None, port: int
) -> None:
    """docs/settings.md names 8081 as an address for operators, so that one may be taken."""
    lines = [f"listen: 127.0.0.1:{listen}", "queue: sqlite:///queue.db", "sources: {shop: {keys: [key-of-the-shop-1]}}"]
    if admin is not None:
        lines.append(f"admin_listen: 127.0.0.1:{admin}")
    file = tmp_path / "adapter.yaml"
    file.write_text("\n".join(lines))
    assert stand_in_port(load_settings(file=file, environ={}, sandbox=True)) == port
