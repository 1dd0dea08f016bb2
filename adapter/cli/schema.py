"""`browsee-adapter schema`: prints the JSON Schemas of the two files that people write."""

import click

from adapter.bundled import bundled


@click.command()
@click.argument("file", type=click.Choice(["mapping", "settings"]))
def schema(file: str) -> None:
    """Print the JSON Schema of your files.

    Editors that know YAML use it to complete words and to show what each of them does.

    \b
    Example:
      browsee-adapter schema mapping > mapping.schema.json
    """
    click.echo(bundled(f"schemas/adapter/{file}.json").read_text(encoding="utf-8"), nl=False)
