"""The settings in force as JSON, as the service runs with them. Shows no secret."""

from dataclasses import replace

from adapter.model import JsonObject
from adapter.settings.in_force import NOT_SET, SET
from adapter.settings.settings import SettingInForce, Settings, SourceSettings


def as_json(settings: Settings, version: str) -> JsonObject:
    """What `GET /api/settings` answers."""
    sources = {source.name: source for source in settings.sources}
    shown = [_as_it_runs(setting, settings, sources) for setting in settings.in_force]
    return {
        "version": version,
        "file": None if settings.file is None else str(settings.file),
        "settings": [
            {
                "path": setting.path,
                "value": setting.value,
                "default": setting.default,
                "from": setting.origin,
                "secret": setting.secret,
            }
            for setting in shown
        ],
    }


def _as_it_runs(setting: SettingInForce, settings: Settings, sources: dict[str, SourceSettings]) -> SettingInForce:
    """`setting` with what the service adds: a listen address, a queue of the sandbox, generated secrets."""
    if setting.path == "listen":
        return replace(setting, value=str(settings.listen))
    if setting.path == "queue" and settings.sandbox:
        return replace(setting, value=str(settings.queue), origin="--sandbox", secret=False)
    if setting.origin != NOT_SET:
        return setting
    if setting.path == "admin_token" and settings.admin_token is not None:
        return replace(setting, value=SET, origin="generated")
    if setting.path == "state_dir" and settings.state_dir is not None:
        return replace(setting, value=str(settings.state_dir), origin="the queue's folder")
    return _of_source(setting, sources)


def _of_source(setting: SettingInForce, sources: dict[str, SourceSettings]) -> SettingInForce:
    _, _, rest = setting.path.partition("sources.")
    name, _, word = rest.rpartition(".")
    source = sources.get(name)
    if source is None:
        return setting
    if word == "keys" and source.keys:
        return replace(setting, value=SET, origin="generated")
    if word == "mapping":
        return replace(setting, value=str(source.mapping), origin="found")
    if word == "browsee_api_key" and source.browsee_api_key is not None:
        return replace(setting, value=SET, origin="BROWSEE_API_KEY")
    return setting
