"""The structure of the code is what ARCHITECTURE.md says: ranks, pure modules, and a tree that is true."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "adapter"
KIT = ROOT / "reliability"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

RANKS = {
    "model": 0, "errors": 0, "printable": 0, "version": 0,
    "bundled": 1, "files": 1, "wire": 1, "observe": 1,
    "mapping": 2, "queue": 2, "http": 2, "sandbox": 2,
    "settings": 3, "ingest": 3, "deliver": 3,
    "console": 4, "privacy": 4,
    "service": 5,
    "cli": 6, "__main__": 7,
}  # fmt: skip
"""A module imports lower ranks, or its own folder. Folders of one rank never import each other."""

MAPPING_RANKS = {"language": 0, "run": 1, "compile": 2}
"""Within `mapping`: what runs for an event knows nothing of what reads a file. The tools above import all three."""

STRANGERS = {("ingest", "mapping"), ("http", "observe")}
"""Folders of which the first does not need the second, though their ranks would allow it."""

IMPURE = {"aiohttp", "sqlite3", "asyncio", "os", "time", "random", "logging"}
SAYS_PURE = re.compile(r"\bPure(?! but\b)\b")

DOERS = {"mapping.load", "files.regular_file", "mapping.table_reader", "mapping.watch"}
"""Modules of mapping and files that may touch files and clocks; all the others are pure."""

CHOOSING_A_BACKEND = {"queue.backends"}
"""The module that opens a queue or checks its place. Others import the contract, the records and the union."""

ADDRESSES = {"Memory", "SqliteFile", "Postgres"}

PLAIN_TYPES = ("str", "int", "float", "bytes", "bool", "Path")
ORDERED = {
    ("code", "message"), ("code", "what"), ("severity", "code", "message"), ("reason", "detail", "rule"),
    ("reason", "detail"), ("start", "end"), ("from_s", "to_s"), ("after", "last"), ("before", "after"), ("old", "new"),
    ("first", "second"), ("one", "many"),
    ("find", "put"), ("called", "unknown"), ("key_style", "value_style"),
    ("one", "other"), ("method", "path"), ("source", "message_id"), ("source", "user"),
}  # fmt: skip
"""Arguments that are one thing in one order: what a finding says, a span, a pair, a request, whose event it is."""

MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 300

MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.name != "__init__.py"
}
KIT_MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for file in sorted(KIT.rglob("*.py"))
    if file.name != "__init__.py"
}
EVERY_MODULE = MODULES | KIT_MODULES
TO_THE_KIT = {("cli.chaos", "reliability.command.run")}
"""The one arrow from the package to the kit: the command imports it when it is called."""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(EVERY_MODULE[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[str, ...]:
    """Every dotted name that `module` imports, also within functions and for types only."""
    found: list[str] = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)
    return tuple(found)


def module_of(name: str) -> str | None:
    """The module of the package that a dotted name is, or is in."""
    inner = name.removeprefix("adapter.")
    return next((found for found in (inner, inner.rpartition(".")[0]) if found in EVERY_MODULE), None)


def rooms(module: str) -> set[str]:
    """The folders and top-level modules of the package that `module` imports from."""
    return {name.split(".")[1] for name in imports(module) if name.startswith("adapter.")}


def is_pure(module: str) -> bool:
    """A module is pure if its docstring says so; what reads and maps events is, without saying it in each file."""
    says = ast.get_docstring(tree(module)) or ""
    return bool(SAYS_PURE.search(says)) or (module.startswith(("files.", "mapping.", "wire.")) and module not in DOERS)


def test_imports_go_down_the_ranks() -> None:
    """A reader of a module needs to know only the ranks below it."""
    pairs = {(module, room) for module in MODULES for room in rooms(module) - {module.partition(".")[0]}}
    assert {room for _, room in pairs} - RANKS.keys() == set()
    homes = {(module, room): module.partition(".")[0] for module, room in pairs}
    assert [pair for pair, home in homes.items() if RANKS[pair[1]] >= RANKS[home]] == []
    assert [pair for pair, home in homes.items() if (home, pair[1]) in STRANGERS] == []


def test_imports_go_down_within_the_mapping() -> None:
    """A language of words, what runs, what compiles, and tools."""
    found = {
        (module, name.split(".")[2])
        for module in MODULES
        if module.startswith("mapping.")
        for name in imports(module)
        if name.startswith("adapter.mapping.")
    }
    ranks = {(module, room): MAPPING_RANKS.get(module.split(".")[1], 3) for module, room in found}
    assert [pair for pair, home in ranks.items() if MAPPING_RANKS.get(pair[1], 3) > home] == []


def test_pure_modules_touch_nothing() -> None:
    """Time, randomness and the world come in as arguments, so that every branch can be tested by values."""
    pure = [module for module in MODULES if is_pure(module)]
    assert [(module, name) for module in pure for name in imports(module) if name.split(".")[0] in IMPURE] == []


def test_the_docstrings_are_the_list_of_the_pure() -> None:
    """The decisions of ingest and delivery say that they are pure, so that the test above holds them to it."""
    saying = {module for module in MODULES if SAYS_PURE.search(ast.get_docstring(tree(module)) or "")}
    assert saying >= {
        f"ingest.{name}" for name in ("auth", "context", "signature", "decode", "dialect", "read", "timestamps")
    }
    assert saying >= {f"deliver.{name}" for name in ("policy", "pace", "breaker")} | {"queue.codec", "queue.sqlite.wal"}


def test_sqlite_stays_in_its_folder() -> None:
    """A user of the queue sees its contract: another backend needs a line only where a backend is chosen."""
    outside = [module for module in MODULES if not module.startswith("queue.sqlite.")]
    assert {module for module in outside if "sqlite3" in imports(module)} == {"sandbox.recording"}
    users = {module for module in outside if any(name.startswith("adapter.queue.sqlite.") for name in imports(module))}
    assert users == CHOOSING_A_BACKEND


def test_postgresql_stays_in_its_folder() -> None:
    """Users of SQLite need no driver, and no other folder knows how the queue is stored there."""
    outside = [module for module in MODULES if not module.startswith("queue.postgres.")]
    assert [module for module in outside if any(name.split(".")[0] == "psycopg" for name in imports(module))] == []
    users = {
        module for module in outside if any(name.startswith("adapter.queue.postgres.") for name in imports(module))
    }
    assert users <= CHOOSING_A_BACKEND


def test_no_other_folder_decides_by_the_address() -> None:
    """What depends on where a queue is, is decided in `queue`: a command or the service handles every queue alike."""
    outside = [module for module in MODULES if not module.startswith("queue.")]
    named = {f"adapter.queue.address.{name}" for name in ADDRESSES}
    assert [module for module in outside if named & set(imports(module))] == []


def test_nothing_else_imports_the_kit() -> None:
    """A wheel has no reliability kit, and no user waits for its imports."""
    outside = {"cluster", "reliability", "tests", "bench"}
    found = {(module, name) for module in MODULES for name in imports(module) if name.split(".")[0] in outside}
    assert found == TO_THE_KIT
    kit_uses = {name.split(".")[1] for module in KIT_MODULES for name in imports(module) if name.startswith("adapter.")}
    assert "cli" not in kit_uses


def test_imports_are_absolute_and_a_tree() -> None:
    """Each name says where it comes from, and nothing is imported from a package as a whole."""
    found = [(module, name) for module in EVERY_MODULE for name in imports(module)]
    assert [(module, name) for module, name in found if name.startswith(".") or name.endswith(".*")] == []


def test_there_is_no_import_cycle() -> None:
    """Modules form a tree, so that each can be understood before the ones that use it."""
    below = {module: {name for found in imports(module) if (name := module_of(found))} for module in EVERY_MODULE}
    while leaves := {module for module, used in below.items() if not used}:
        below = {module: used - leaves for module, used in below.items() if module not in leaves}
    assert below == {}


def test_packages_hold_no_code() -> None:
    """An `__init__.py` that imports would turn every import into an import of the whole folder."""
    parts = ("adapter", "reliability", "tests")
    # What is installed for tests/clients is not ours.
    files = [file for part in parts for file in (ROOT / part).rglob("__init__.py") if ".installed" not in file.parts]
    assert len(files) > len(parts)
    assert [file for file in files if file.read_text(encoding="utf-8") != ""] == []


def test_a_module_says_what_it_is_for() -> None:
    """The first thing in a file is a sentence or two."""
    said = {module: (ast.get_docstring(tree(module)) or "").partition("\n\n")[0] for module in EVERY_MODULE}
    assert [module for module, text in said.items() if not text.endswith((".", ":"))] == []


@cache
def functions(module: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions_stay_small() -> None:
    """What does not fit on a screen is two things."""
    found = [(module, node) for module in EVERY_MODULE for node in functions(module)]
    assert [
        (module, node.name) for module, node in found if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ] == []


def test_arguments_of_one_type_are_named() -> None:
    """Two numbers or two texts in a row can be swapped without an error: callers name them.

    Not where a pair is one thing that is always said in one order (`ORDERED`), nor in what a library calls: commands.
    """
    alike = [
        (module, node.name, names)
        for module in EVERY_MODULE
        for node in functions(module)
        if is_for_others(node)
        for names in of_one_type(node)
    ]
    assert [found for found in alike if found[2] not in ORDERED] == []


def of_one_type(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ...]]:
    """Names of arguments, given by their place, that have the same plain type."""
    given = [one for one in (*node.args.posonlyargs, *node.args.args) if one.annotation is not None]
    plain = [(ast.unparse(one.annotation).removesuffix(" | None"), one.arg) for one in given if one.annotation]
    for kind in PLAIN_TYPES:
        names = tuple(name for found, name in plain if found == kind)
        if len(names) > 1:
            yield names


def is_for_others(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether other files call the function; click calls commands, by the names of their options."""
    calls = any("click." in text or ".command" in text for text in map(ast.unparse, node.decorator_list))
    return not calls and (not node.name.startswith("_") or node.name == "__init__")


def test_files_stay_small() -> None:
    """A reader keeps a file in mind as a whole."""
    lines = {module: len(file.read_text(encoding="utf-8").splitlines()) for module, file in EVERY_MODULE.items()}
    assert {module: count for module, count in lines.items() if count > MAX_FILE_LINES} == {}


def drawn() -> Iterator[str]:
    """Every path that the tree in ARCHITECTURE.md names, folders with a slash at the end."""
    block = re.search(r"```\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    parents: dict[int, str] = {}
    for line in block[1].splitlines():
        indent = len(line) - len(line.lstrip())
        names = re.split(r" {2,}", line.strip())[0].split()
        base = max((depth for depth in parents if depth < indent), default=None)
        folder = "" if base is None else parents[base]
        for name in names:
            yield folder + name
        if len(names) == 1 and names[0].endswith("/"):
            parents = {depth: path for depth, path in parents.items() if depth < indent} | {indent: folder + names[0]}


def test_what_the_tree_names_exists() -> None:
    """The page leads a newcomer to no place that is not there."""
    missing = [path for path in drawn() if not (ROOT / path).exists()]
    assert missing == []


def test_the_tree_names_every_room() -> None:
    """Every folder and module of the package stands in the tree, a module at least by its folder."""
    paths = set(drawn())
    rooms_there = {
        f"adapter/{file.name}/" if file.is_dir() else f"adapter/{file.name}"
        for file in PACKAGE.iterdir()
        if file.name not in {"__init__.py", "__main__.py", "py.typed", "__pycache__", "_shipped"}
    }
    assert rooms_there - paths == set()


def test_the_page_has_the_ranks() -> None:
    """The ranks on the page are the ones that are tested, but for rooms that are not built."""
    line = next(line for line in PAGE.splitlines() if line.startswith("**Ranks**"))
    shown = {name: int(rank) for rank, names in re.findall(r"(\d) `([a-z ]+)`", line) for name in names.split()}
    built = {path.stem for path in PACKAGE.iterdir()} - {"__init__", "__main__"}
    assert shown == {name: rank for name, rank in RANKS.items() if name in built}


AS_IT_IS_NOW = {
    "is_visible", "is_hidden", "is_enabled", "is_disabled", "is_checked", "is_editable", "count", "all",
    "inner_text", "inner_html", "all_inner_texts", "all_text_contents", "text_content", "input_value", "get_attribute",
}  # fmt: skip
"""What Playwright answers at once, of a page that may be about to change; `expect` waits for a state."""


def asked_at_once(node: ast.AST) -> Iterator[str]:
    """Calls within `node` that do not wait. A function `is_…` is asked again and again by `until`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and child.name.startswith("is_"):
            continue
        match child:
            case ast.Call(func=ast.Attribute(attr=name), args=args) if name in AS_IT_IS_NOW:
                # `str.count` is given what to count.
                if name != "count" or not args:
                    yield f"line {child.lineno}: {name}"
            case ast.Assert(test=test) if ".url" in ast.unparse(test):
                yield f"line {child.lineno}: url"
            case _:
                pass
        yield from asked_at_once(child)


@pytest.mark.parametrize("file", sorted((ROOT / "tests/browser").glob("*.py")), ids=lambda file: file.stem)
def test_browser_tests_wait(file: Path) -> None:
    """No test of a page passes only where the machine is fast enough: they wait for states, by `expect` or `until`."""
    assert list(asked_at_once(ast.parse(file.read_text(encoding="utf-8")))) == []


def test_the_page_names_every_theory_of_operation() -> None:
    """Each mechanism is explained in one module, and the page leads there."""
    explaining = {module for module in MODULES if "heory of operation" in (ast.get_docstring(tree(module)) or "")}
    listed = set(re.findall(r"\| `adapter/(\S+)\.py` \|", PAGE))
    assert {module.replace(".", "/") for module in explaining} - listed == set()
    assert listed <= {module.replace(".", "/") for module in MODULES}
