"""The memory limit of a control group, in trees like those the kernel shows."""

from pathlib import Path

import pytest

from adapter.queue.sqlite.memory_limit import memory_limit_bytes

NO_LIMIT_V1 = "9223372036854771712"


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        pytest.param("0::/app/web\n", {"app/web/memory.max": "134217728"}, 134217728, id="own group"),
        pytest.param("0::/app/web\n", {"app/memory.max": "500", "app/web/memory.max": "max"}, 500, id="group above"),
        pytest.param("0::/app/web\n", {"app/memory.max": "500", "app/web/memory.max": "400"}, 400, id="least of both"),
        pytest.param("0::/\n", {"memory.max": "134217728\n"}, 134217728, id="a container sees itself as the root"),
        pytest.param("0::/docker/1f\n", {"memory.max": "600"}, 600, id="a container is called otherwise outside"),
        pytest.param("0::/app\n", {"app/memory.max": "max"}, None, id="no limit"),
        pytest.param(
            "5:devices:/app\n4:cpu,memory:/app\n0::/\n",
            {"memory/app/memory.limit_in_bytes": "700", "memory/memory.limit_in_bytes": NO_LIMIT_V1},
            700,
            id="version 1",
        ),
        pytest.param("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": NO_LIMIT_V1}, None, id="version 1, no limit"),
        pytest.param("5:devices:/app\n", {"memory/app/memory.limit_in_bytes": "700"}, None, id="no memory controller"),
        pytest.param("0::/app\n", {"app/memory.max": "lots"}, None, id="no number"),
        pytest.param("0::/app\n", {"app/memory.max": "-1"}, None, id="below zero"),
        pytest.param("0::/../../x\n", {}, None, id="outside of what is seen"),
        pytest.param("nonsense\n\n:::\n", {}, None, id="nonsense"),
        pytest.param(None, {"memory.max": "5"}, None, id="another system"),
    ],
)
def test_limit(tmp_path: Path, groups: str | None, files: dict[str, str], limit: int | None) -> None:
    root = tmp_path / "cgroup"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    if groups is not None:
        (tmp_path / "groups").write_text(groups, encoding="utf-8")
    assert memory_limit_bytes(groups=tmp_path / "groups", root=root) == limit


def test_the_real_files_can_be_read() -> None:
    """Whatever this machine says, it is a size or nothing."""
    limit = memory_limit_bytes()
    assert limit is None or limit > 0
