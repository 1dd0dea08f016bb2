"""What `serve` says when it has started: where to send events and where to look. Pure."""

from collections.abc import Iterator

from rich.text import Text

from adapter.printable import printable
from adapter.service.app import Running
from adapter.settings.generated_secrets import Generated
from adapter.settings.settings import Settings, SourceSettings

# Without messageId and timestamp, so that pasting it twice makes two events.
_EXAMPLE = '{"type":"track","event":"Order Completed","userId":"u-1","properties":{"total":27.5}}'
_LOCAL = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - nothing is bound here


def greeting(
    settings: Settings, made: Generated, running: Running, *, is_terminal: bool, is_flow: bool
) -> Iterator[Text]:
    """The lines. Keys are shown on a terminal only: elsewhere this is a log. With a flow Enter shows them again."""
    if settings.sandbox:
        yield Text.assemble(("SANDBOX", "bold black on yellow"), " nothing goes to Browsee; a stand-in takes the calls")
    here = _to_paste(running.url)
    urls = [_webhook(here, source, shown=is_terminal) for source in settings.sources]
    for source, url in zip(settings.sources, urls, strict=True):
        yield Text.assemble(f"Webhook of {source.name}: ", (url, "bold"))
    if not settings.sandbox:
        # After the webhooks: scripts take the first address for the service's own.
        yield Text.assemble("Delivers to ", (printable(settings.browsee.url), "bold"))
    secrets = printable(str(made.file))
    if made.file is not None and (made.key_of or made.admin_token):
        yield Text(f"Generated missing keys, saved in {secrets}")
    if not settings.sources[0].signing_secrets:
        yield Text.assemble("Try it:\n", (f"  curl {urls[0]} -d '{_EXAMPLE}'", "cyan"))
    admin = _to_paste(running.admin_url)
    if settings.console is not None:
        yield Text.assemble("Console: ", (_console_link(admin, settings, made, shown=is_terminal), "bold"))
    if made.file is not None and made.admin_token:
        yield Text(f"Metrics and details need the header Authorization: Bearer, with the admin_token in {secrets}")
    again = "   Show this again: Enter" if is_flow else ""
    yield Text(f"Health: {admin}/readyz   Metrics: {admin}/metrics   Stop: Ctrl-C{again}")


def _to_paste(url: str) -> str:
    """`url` as it can be used on this machine: an address that means all addresses is none to send to."""
    for every, local in _LOCAL.items():
        url = url.replace(f"//{every}:", f"//{local}:")
    return url


def _console_link(url: str, settings: Settings, made: Generated, *, shown: bool) -> str:
    """The console's address. On a terminal its fragment, never sent, holds a generated or a sandbox's token."""
    if shown and (made.admin_token or settings.sandbox) and settings.admin_token is not None:
        return f"{url}/console/#/sign-in?token={settings.admin_token.reveal()}"
    return f"{url}/console/"


def _webhook(url: str, source: SourceSettings, *, shown: bool) -> str:
    return f"{url}/webhooks/{source.name}/{source.keys[0].reveal() if shown else '<key>'}"
