"""`make release` and what the tag then builds."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from adapter.version import VERSION

ROOT = Path(__file__).parents[1]
NEW = "7.8.9rc1"
FILES = ("scripts/release", "adapter/version.py", "schemas/openapi.yaml", "CHANGELOG.md")
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- Something new.\n\n## 0.0.1, 2020-01-01\n\n- Something old.\n"
CHART = "deploy/helm/browsee-adapter/Chart.yaml"
BAKE = json.loads((ROOT / "docker-bake.json").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the files that a release changes."""
    for name in (*FILES, *([CHART] if (ROOT / CHART).exists() else [])):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    for command in ("init -q", "config user.name t", "config user.email t@example.com", "add -A", "commit -qm first"):
        git(tmp_path, *command.split())
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [str(folder / "scripts/release"), version]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_a_release_is_one_commit_and_one_tag(repository: Path) -> None:
    """Every mention of the version is the new one, and the changelog has its date."""
    done = release(repository, NEW)
    assert done.returncode == 0, done.stderr
    assert git(repository, "describe", "--exact-match").strip() == f"v{NEW}"
    assert git(repository, "status", "--porcelain") == ""
    assert f'VERSION = "{NEW}"' in (repository / "adapter/version.py").read_text()
    api = (repository / "schemas/openapi.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(api)["info"]["version"] == NEW
    assert not re.search(rf"version: {re.escape(VERSION)}\b", api)
    assert re.search(
        rf"## Unreleased\n\n## {NEW}, [\d-]{{10}}\n\n- Something new", (repository / "CHANGELOG.md").read_text()
    )
    if (repository / CHART).exists():
        chart = yaml.safe_load((repository / CHART).read_text())
        assert (chart["version"], chart["appVersion"]) == ("7.8.9-rc.1", NEW)


def test_a_version_that_is_set_is_only_tagged(repository: Path) -> None:
    """The changelog has it already, so there is nothing to commit."""
    assert release(repository, NEW).returncode == 0
    git(repository, "tag", "-d", f"v{NEW}")
    assert release(repository, NEW).returncode == 0
    assert git(repository, "describe", "--exact-match").strip() == f"v{NEW}"
    assert len(git(repository, "log", "--format=%s").splitlines()) == 2


def test_a_release_of_nothing_is_refused(repository: Path) -> None:
    """Each for its reason, and nothing is committed."""
    assert "Name the version" in release(repository, "1.0").stderr
    (repository / "CHANGELOG.md").write_text(CHANGELOG + "\n")
    assert "not committed" in release(repository, NEW).stderr
    (repository / "CHANGELOG.md").write_text(CHANGELOG.replace("- Something new.\n", ""))
    git(repository, "commit", "-qam", "second")
    assert "nothing under Unreleased" in release(repository, NEW).stderr
    git(repository, "tag", f"v{NEW}")
    assert "a tag" in release(repository, NEW).stderr
    assert git(repository, "log", "--format=%s").split() == ["second", "first"]


def test_the_image_is_for_both_platforms_and_says_what_is_in_it() -> None:
    """Provenance and a bill of materials lie beside the image in the registry."""
    image = BAKE["target"]["image"]
    assert set(image["platforms"]) == {"linux/amd64", "linux/arm64"}
    assert {"type=sbom", "type=provenance,mode=max"} == set(image["attest"])
    assert (ROOT / image["dockerfile"]).exists()
    variables = set(re.findall(r"\$\{(\w+)\}", json.dumps(BAKE["target"])))
    assert variables == BAKE["variable"].keys()


def test_jobs_may_do_what_they_need_and_no_more() -> None:
    """Nothing is published before the tests, and each job names its rights."""
    assert WORKFLOW["permissions"] == {}
    for name, job in WORKFLOW["jobs"].items():
        assert "permissions" in job
        assert name == "test" or job["needs"] == "test"
