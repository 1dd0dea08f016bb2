"""`make docs`: renews the generated parts of the pages, so that only prose is written by hand."""

from adapter.mapping import reference as mapping_reference
from adapter.observe import reference as metrics_reference
from adapter.settings import reference as settings_reference
from adapter.settings.load import settings_schema
from bench.results import read
from tests.docs import command_table, figures, man_page, recipe_files, recipes, setups
from tests.docs.pages import PAGES, ROOT


def generated() -> dict[str, str]:
    """Every page with generated parts, as it ought to be now, by its path."""
    return {
        recipes.GUIDE: recipes.renewed(PAGES[recipes.GUIDE]),
        man_page.PAGE: man_page.page(),
        command_table.PAGE: command_table.renewed(PAGES[command_table.PAGE]),
        recipe_files.PAGE: recipe_files.renewed(PAGES[recipe_files.PAGE]),
        setups.PAGE: setups.renewed(PAGES[setups.PAGE]),
        "docs/from-other-languages.md": mapping_reference.renewed(PAGES["docs/from-other-languages.md"]),
        "docs/mapping.md": mapping_reference.renewed(PAGES["docs/mapping.md"]),
        "docs/metrics.md": metrics_reference.renewed(PAGES["docs/metrics.md"]),
        **{page: figures.renewed(page, PAGES[page], read(ROOT / figures.FILE)) for page in figures.PAGES},
        "docs/settings.md": settings_reference.renewed(PAGES["docs/settings.md"], settings_schema()),
    }


def main() -> None:
    """Write the pages that differ."""
    for page, text in generated().items():
        if not (ROOT / page).exists() or (ROOT / page).read_text(encoding="utf-8") != text:
            (ROOT / page).write_text(text, encoding="utf-8")
            print(f"renewed {page}")  # noqa: T201 - this is a command


if __name__ == "__main__":
    main()
