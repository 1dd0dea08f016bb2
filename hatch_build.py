"""What the build of the package computes: the page on PyPI, which is README.md with absolute addresses."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"(!?\[[^\]]*\]\()(?!https?:|#)([^)]+)\)")


class AbsoluteReadme(MetadataHookInterface):
    """Puts README.md into the metadata; PyPI has none of the files that its links name."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme, with the address of the repository in front of relative links."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        absolute = absolute_links(text, metadata["urls"]["Source"], f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute}


def absolute_links(text: str, repository: str, tag: str) -> str:
    """`text` with links that work anywhere: pictures from the raw files of `tag`, all else from its pages."""

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[1].startswith("!") else "blob"
        return f"{link[1]}{repository}/{kind}/{tag}/{link[2]})"

    return _RELATIVE.sub(absolute, text)
