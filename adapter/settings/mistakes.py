"""Explains a code of settings: what it means, a settings file with that mistake, what `check` says and what to do."""

from pathlib import Path

from adapter.files.finding import as_text
from adapter.settings.codes import SAME_AS, SETTINGS_CODES
from adapter.settings.load import check_settings


def explain_settings_code(code: str) -> str | None:
    """The explanation of `code`, in lines; None if it is not a code of settings."""
    code = code.upper()
    about = SETTINGS_CODES.get(SAME_AS.get(code, code))
    if about is None:
        return None
    said = "\n".join(map(as_text, check_settings(about.example, file=Path("example.yaml"), environ={})))
    example = "".join(f"  {line}\n" for line in about.example.splitlines())
    return f"{code}: {about.means}.\n\nExample:\n\n{example}\n`check` says:\n\n{said}\n\n{about.cure}"
