"""A working folder for settings tests: a settings file, an environment and a mappings folder of their own."""

from pathlib import Path

from adapter.settings.load import load_settings
from adapter.settings.settings import Settings

KEY = "write-key-of-the-shop"
BROWSEE_KEY = "browsee-key-of-the-project"


class Folder:
    """`folder` with an `adapter.yaml` to write, and an empty folder in the place of /mappings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mappings = folder / "container-mappings"

    def write(self, name: str, text: str = "version: 1\n") -> Path:
        """Write a file below the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def load(
        self,
        text: str | None = None,
        *,
        environ: dict[str, str] | None = None,
        host: str | None = None,
        port: int | None = None,
        role: str | None = None,
        sandbox: bool = False,
    ) -> Settings:
        """Load `text` as adapter.yaml, with a key of Browsee in the environment and a mapping by default."""
        if text is not None:
            self.write("adapter.yaml", text)
        self.write("container-mappings/default.yaml")
        return load_settings(
            file=None,
            environ={"BROWSEE_API_KEY": BROWSEE_KEY} if environ is None else environ,
            host=host,
            port=port,
            role=role,
            sandbox=sandbox,
            folder=self.folder,
            mappings=self.mappings,
        )
