"""The command line: one file per group of commands, gathered here."""

import click

from adapter.cli.sandbox import sandbox


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="browsee-adapter")
def main() -> None:
    """Receive events from customer-data platforms and deliver them to Browsee."""


main.add_command(sandbox)
