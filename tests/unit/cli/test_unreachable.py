"""Why an address does not answer is said in words, not in those of a library."""

import errno
import http.client
import socket
import ssl

import pytest

from adapter.cli.unreachable import unreachable_text
from tests.unit.cli.conftest import Shell


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_every_command_says_why(shell: Shell, url: str) -> None:
    """`--url`, `send --to` and the check of Browsee."""
    message = shell.write("message.ndjson", '{"type":"track","event":"A","userId":"u"}\n')
    env = {
        "ADAPTER_ADMIN_TOKEN": "a-token-of-tests",
        "ADAPTER_SEND_KEY": "key",
        "BROWSEE_API_KEY": "key",
        "BROWSEE_URL": url,
    }
    asked = shell.run("events", "list", "--url", url, env=env)
    sent = shell.run("send", message, "--to", url, env=env)
    checked = shell.run("doctor", env=env)
    assert asked.stderr == f"cannot reach {url}: connection refused; is the service running there?\n"
    assert sent.stderr == f"cannot reach {url}: connection refused; is the adapter running there?\n"
    assert f"{url}: connection refused \u2013 check browsee.url" in checked.stdout


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "the host is not known"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "no TLS there; is it http:// and not"),
        (TimeoutError("timed out"), "no answer in time"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "connection reset"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "Cannot assign requested address"),
        (http.client.BadStatusLine("nonsense"), "nonsense"),
        (http.client.RemoteDisconnected(""), "RemoteDisconnected"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_cause_has_its_words(cause: Exception, text: str) -> None:
    assert unreachable_text(cause).startswith(text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--key-file", "binary.key"), "binary.key must hold one key and nothing else"),
        (("--key-file", "long.key"), "long.key must hold one key and nothing else"),
        (("--key-file", "two.key"), "two.key must hold one key and nothing else"),
        (("--key-file", "one.key", "--to", "http://[::"), "--to: an address such as http://127.0.0.1:8080"),
    ],
    ids=["binary", "long", "two keys", "no address"],
)
def test_what_cannot_be_sent_is_refused_before(shell: Shell, words: tuple[str, ...], text: str) -> None:
    """A wrong file as key, and an address that is none."""
    for name, key in (("binary", "\0\0"), ("long", "k" * 10_000), ("two", "a\nb\n"), ("one", "a\n")):
        shell.write(f"{name}.key", key)
    message = shell.write("message.ndjson", "{}\n")
    result = shell.run("send", message, "--to", "http://127.0.0.1:9", *words)
    assert (result.exit_code, text in result.stderr) == (2, True)


def test_what_has_no_place_to_continue_at_is_not_sent(shell: Shell) -> None:
    """The progress of sending is kept beside a regular file."""
    result = shell.run("send", "/dev/null", "--to", "http://127.0.0.1:9", env={"ADAPTER_SEND_KEY": "key"})
    assert (result.exit_code, "must be a regular file" in result.stderr) == (2, True)


def test_nothing_is_sent_before_the_progress_can_be_noted(shell: Shell) -> None:
    """In a folder that cannot be written to; the file to write is named."""
    message = shell.write("message.ndjson", "{}\n")
    (shell.folder / f"{message}.done.new").mkdir()
    result = shell.run("send", message, "--to", "http://127.0.0.1:9", env={"ADAPTER_SEND_KEY": "key"})
    assert (result.exit_code, result.stderr) == (2, "cannot read or write message.ndjson.done.new: Is a directory\n")


def test_a_wrong_address_leaves_nothing_to_remove(shell: Shell) -> None:
    """The command is run again with another address."""
    message = shell.write("message.ndjson", "{}\n")
    for url in ("http://127.0.0.1:9", "http://localhost:9"):
        result = shell.run("send", message, "--to", url, env={"ADAPTER_SEND_KEY": "key"})
        assert f"cannot reach {url}" in result.stderr


def test_the_console_s_address_is_the_service_s(shell: Shell) -> None:
    """It is what people have at hand."""
    result = shell.run("dead", "list", "--url", "http://127.0.0.1:9/console/", env={"ADAPTER_ADMIN_TOKEN": "token"})
    assert result.stderr.startswith("cannot reach http://127.0.0.1:9: ")
