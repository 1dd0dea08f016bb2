"""`browsee-adapter init`: writes a user's first files, and never overwrites one."""

import os
from functools import partial
from importlib import resources
from pathlib import Path
from secrets import token_hex
from shlex import quote

import click

from adapter.bundled import bundled
from adapter.cli.completing import recipes as recipe_names
from adapter.cli.show import say
from adapter.errors import ConfigError
from adapter.files.finding import did_you_mean
from adapter.printable import printable

_MAPPING = "mappings/shop.yaml"
_EVENT = "event.json"
_ENV = ".env"
_SECRETS = ("SHOP_KEY", "ADAPTER_ADMIN_TOKEN", "POSTGRES_PASSWORD")
_WRITTEN = {
    "adapter.yaml": "the settings",
    _MAPPING: "the mapping: what your events become",
    _EVENT: f"an event to try: browsee-adapter explain {_MAPPING} event.json",
    "compose.yaml": "for Docker Compose",
    _ENV: "for Docker Compose: generated secrets, which only you can read",
    "schemas/adapter/settings.json": "for your editor: completes the settings",
    "schemas/adapter/mapping.json": "for your editor: completes the mapping",
}


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--recipe",
    "recipes",
    metavar="NAME",
    multiple=True,
    shell_complete=recipe_names,
    help="Write only this recipe into mappings/.",
)
def init(directory: Path, recipes: tuple[str, ...]) -> None:
    """Create a settings file and a mapping to start from.

    Settings, a mapping, a compose file with its secrets and the schemas for your editor, into DIR or the current
    directory. Files that are there already are left as they are. A recipe is a small mapping that shows one thing, with
    tests: see docs/recipes.md.

    \b
    Examples:
      browsee-adapter init shop
      cd shop && browsee-adapter serve --sandbox
      browsee-adapter init --recipe utm --recipe dates
    """
    files = {f"mappings/{name}.yaml": "the recipe" for name in map(_known_recipe, recipes)} or _WRITTEN
    # All are written before the first line is printed: the reader of the lines may go.
    for line in [_written(directory / name, name, purpose) for name, purpose in files.items()]:
        say(line)
    if recipes:
        return
    there = "" if directory == Path() else f"cd {quote(str(directory))} && "
    say("")
    say(f"Next: {there}browsee-adapter check, then browsee-adapter serve --sandbox")


def _written(file: Path, name: str, purpose: str) -> str:
    """Write a file unless it exists; the line that says so."""
    try:
        is_new = _write_new(file, _content(name), mode=0o600 if name == _ENV else 0o666)
    except OSError as cause:
        raise ConfigError(printable(f"cannot write {file}: {cause.strerror}")) from cause
    return f"{'wrote' if is_new else 'kept '} {file}  {purpose if is_new else 'was there already'}"


def _known_recipe(name: str) -> str:
    known = sorted(file.stem for file in bundled("mappings/recipes").iterdir() if file.suffix == ".yaml")
    if name not in known:
        raise ConfigError(f"no recipe `{printable(name)}`{did_you_mean(name, known)}; there are {', '.join(known)}")
    return name


def _content(name: str) -> bytes:
    if name.startswith("schemas/"):
        return bundled(name).read_bytes()
    if name == _ENV:
        return "".join(f"{secret}={token_hex(16)}\n" for secret in _SECRETS).encode()
    if name == _MAPPING:
        return bundled("mappings/default.yaml").read_bytes()
    if name.startswith("mappings/"):
        return bundled(f"mappings/recipes/{name.removeprefix('mappings/')}").read_bytes()
    return resources.files("adapter.cli").joinpath("first_files", name).read_bytes()


def _write_new(file: Path, content: bytes, *, mode: int) -> bool:
    """Write `file` unless it exists; returns whether it was written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(file, "xb", opener=partial(os.open, mode=mode)) as out:
            out.write(content)
    except FileExistsError:
        return False
    return True
