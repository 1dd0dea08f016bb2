"""First files are written once, and they work."""

import json
import re
import stat

import yaml

from adapter.settings.load import load_settings
from tests.unit.cli.conftest import Shell


def test_first_files_are_sound(shell: Shell) -> None:
    """Settings and mapping pass `check` without an error; the one warning is about the key that is not set yet."""
    result = shell.run("init", "shop")
    assert result.exit_code == 0, result.output
    assert "Next: cd shop && browsee-adapter check" in result.stdout
    explained = shell.run("explain", "shop/mappings/shop.yaml", "shop/event.json")
    assert "track ORDER_COMPLETED" in explained.stdout
    checked = shell.run("check", "--format", "json", "shop/adapter.yaml", "shop/mappings/shop.yaml")
    assert checked.exit_code == 0
    findings = json.loads(checked.stdout)["findings"]
    assert [found["code"] for found in findings if found["severity"] != "note"] == ["W304"]


def test_first_settings_lead_to_the_first_mapping(shell: Shell) -> None:
    """Paths in the file count from the file, so the folder can be moved and mounted."""
    shell.run("init", "shop")
    settings = load_settings(file=None, environ={"BROWSEE_API_KEY": "k"}, folder=shell.folder / "shop")
    assert settings.sources[0].name == "shop"
    assert settings.sources[0].mapping == shell.folder / "shop/mappings/shop.yaml"


def test_nothing_is_written_over(shell: Shell) -> None:
    """A second call keeps what is there, says so, and writes what is missing."""
    shell.run("init")
    (shell.folder / "adapter.yaml").write_text("mine")
    (shell.folder / "compose.yaml").unlink()
    result = shell.run("init")
    assert result.exit_code == 0
    assert (shell.folder / "adapter.yaml").read_text() == "mine"
    assert (shell.folder / "compose.yaml").exists()
    assert "kept  adapter.yaml" in result.stdout
    assert "wrote compose.yaml" in result.stdout


def test_a_place_that_cannot_be_written_is_named(shell: Shell) -> None:
    """The operator learns which file could not be written, and why."""
    shell.write("shop", "a file where the folder should be")
    assert shell.run("init", "shop").exit_code == 2
    shell.write("mappings", "another")
    result = shell.run("init")
    assert result.exit_code == 2
    assert "cannot write mappings/shop.yaml" in result.stderr


def test_secrets_are_for_the_user_alone_and_stay(shell: Shell) -> None:
    """Replicas need the same ones, so they are generated once, in a file that only its owner can read."""
    shell.run("init")
    file = shell.folder / ".env"
    secrets = dict(line.split("=") for line in file.read_text().splitlines())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(set(secrets.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", secret) for secret in secrets.values())
    assert "kept  .env" in shell.run("init").stdout
    assert dict(line.split("=") for line in file.read_text().splitlines()) == secrets
    assert stat.S_IMODE((shell.folder / "adapter.yaml").stat().st_mode) & 0o044 == 0o044


def test_replicas_of_the_compose_file_have_what_they_need(shell: Shell) -> None:
    """With the profile `scale` the same settings serve PostgreSQL; without it there is one service, as before."""
    shell.run("init")
    text = (shell.folder / "compose.yaml").read_text()
    compose = yaml.safe_load(text)
    services = compose["services"]
    assert [name for name, service in services.items() if "profiles" not in service] == ["adapter"]
    assert {service["profiles"][0] for name, service in services.items() if name != "adapter"} == {"scale"}
    secrets = dict(line.split("=") for line in (shell.folder / ".env").read_text().splitlines())
    assert set(re.findall(r"\$\{(\w+)", text)) == {"BROWSEE_API_KEY", "PORT", *secrets}
    replica = services["replica"]
    given = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: secrets.get(found[1], "k"), value)
        for name, value in replica["environment"].items()
        if name != "ADAPTER_CONFIG"
    }
    settings_file = shell.folder / "adapter.yaml"
    settings_file.write_text(settings_file.read_text().replace("# keys:", "keys:"))
    settings = load_settings(file=None, environ=given, folder=shell.folder)
    assert str(settings.queue) == "postgresql://adapter@postgres/adapter"
    assert [key.reveal() for key in settings.sources[0].keys] == [secrets["SHOP_KEY"]]
    assert settings.admin_token is not None
    assert replica["deploy"]["replicas"] == 3
    assert set(replica["depends_on"]) | set(services["proxy"]["depends_on"]) <= services.keys()
    assert "replica 8080" in compose["services"]["proxy"]["environment"]["CADDYFILE"]
    assert {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())} == {
        *compose["volumes"],
        ".",
    }
