"""A client of yaml-language-server, which editors complete and underline mappings with."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.installed import needs

_PROGRAM = Path(__file__).parent / "tools/node_modules/yaml-language-server/bin/yaml-language-server"


class LanguageServer:
    """A running server that holds every document against one schema; texts have `§` where the cursor is."""

    def __init__(self, process: "subprocess.Popen[bytes]", schema: Path) -> None:
        self._process = process
        self._asked = self._documents = 0
        self._problems: dict[str, list[str]] = {}
        self._settings = {"yaml": {"schemas": {schema.as_uri(): ["*.yaml"]}, "schemaStore": {"enable": False}}}
        markdown = {"documentationFormat": ["markdown"], "snippetSupport": True}
        document = {
            "completion": {"completionItem": markdown},
            "hover": {"contentFormat": ["markdown"]},
            "publishDiagnostics": {},
        }
        capabilities = {"textDocument": document, "workspace": {"configuration": True}}
        self._ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities})
        self._notify("initialized", {})
        self._notify("workspace/didChangeConfiguration", {"settings": self._settings})
        # The server takes its settings when it likes; until then it knows no schema, and nothing is a problem.
        while not self.problems("version: none\n"):
            pass

    def completions(self, text: str) -> dict[str, str]:
        """What may be typed at the cursor, with the text beside it."""
        found = self._ask("textDocument/completion", self._opened(text))
        return {item["label"]: _plain(item.get("documentation")) for item in found["items"]}

    def hover(self, text: str) -> str:
        """What is shown of the word at the cursor."""
        return _plain(self._ask("textDocument/hover", self._opened(text))["contents"])

    def problems(self, text: str) -> list[str]:
        """The messages of what is underlined."""
        uri = self._opened(f"{text}§")["textDocument"]["uri"]
        while uri not in self._problems:
            self._read()
        return self._problems[uri]

    def _opened(self, text: str) -> dict[str, Any]:
        before = text[: text.index("§")]
        self._documents += 1
        uri = f"file:///mappings/{self._documents}.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text.replace("§", "")}
        self._notify("textDocument/didOpen", {"textDocument": document})
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return {"textDocument": {"uri": uri}, "position": position}

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._asked and "method" not in message:
                return message["result"]

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        """The next message; answers what the server asks of the editor."""
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            found = message["params"]
            self._problems[found["uri"]] = [problem["message"] for problem in found["diagnostics"]]
        elif "method" in message and "id" in message:
            asked = message["method"] == "workspace/configuration"
            items = message["params"]["items"] if asked else []
            self._send({"id": message["id"], "result": [self._settings.get(item["section"]) for item in items]})
        return message


def _plain(text: Any) -> str:
    return str(text["value"]) if isinstance(text, dict) else str(text or "")


@contextmanager
def language_server(schema: Path) -> Iterator[LanguageServer]:
    """A server with that schema. Skips the test where there is none."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        needs("yaml-language-server is not installed: scripts/npm-tools does it where there is npm")
    command = [str(node), str(_PROGRAM), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield LanguageServer(process, schema)
        finally:
            process.kill()
