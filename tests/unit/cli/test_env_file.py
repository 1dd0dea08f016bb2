"""`.env` in the current directory."""

import os

import pytest

from adapter.cli.env_file import variables
from adapter.errors import ConfigError
from tests.unit.cli.conftest import Shell

SETTINGS = """\
queue: sqlite:///queue.db
sources: {shop: {keys: ["${SHOP_KEY}"], mapping: shop.yaml, browsee_api_key: "${BROWSEE_API_KEY}"}}
"""


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A = b ", "b"),
        ("A='b # c'", "b # c"),
        ('A="b=c"  # why', "b=c"),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A=# c", ""),
        ("A=", ""),
        ("\ufeffA=b\r", "b"),
        ("# A=x\n\nA=b", "b"),
        ("A=$HOME", "$HOME"),
    ],
)
def test_a_line_is_a_name_and_a_value(line: str, value: str) -> None:
    assert variables(line) == {"A": value}


@pytest.mark.parametrize("line", ["secret-value", "1A=secret-value", "A='secret-value", 'A="secret-value" more', "=x"])
def test_another_line_is_refused_by_its_number_alone(line: str) -> None:
    with pytest.raises(ConfigError, match=r"^\.env:2: ") as raised:
        variables(f"B=c\n{line}")

    assert "secret" not in str(raised.value)


def test_commands_use_it_where_the_environment_has_nothing(shop: Shell) -> None:
    shop.write("adapter.yaml", SETTINGS)
    shop.write(".env", "SHOP_KEY=a-key-of-the-shop\nBROWSEE_API_KEY=from-the-file\n")

    found = shop.run("doctor", "--sandbox", "--json", env={"BROWSEE_API_KEY": ""})

    assert '"part":"settings","ok":true' in found.stdout
    assert "SHOP_KEY" not in os.environ


def test_the_environment_goes_before_it(shop: Shell) -> None:
    shop.write("adapter.yaml", SETTINGS)
    shop.write(".env", "SHOP_KEY=a:b\nBROWSEE_API_KEY=key\n")

    assert shop.run("doctor", "--sandbox", env={"SHOP_KEY": "a-good-key-of-the-shop"}).stdout.startswith("ok")


def test_one_that_cannot_be_read_ends_the_command(shop: Shell) -> None:
    shop.write(".env", "this is no variable\n")

    found = shop.run("doctor", "--sandbox")

    assert found.exit_code == 2
    assert ".env:1: " in found.stderr
