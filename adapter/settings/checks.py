"""Problems that a schema cannot express because they involve two settings, and careless settings. Pure."""

from collections.abc import Iterable, Iterator

from adapter.files.document import DocumentPath
from adapter.model import JsonObject, Secret
from adapter.settings.shape import SettingProblem

_AT_MOST: tuple[tuple[DocumentPath, DocumentPath], ...] = (
    (("retry", "max"), ("retry", "for")),
    (("limits", "body"), ("limits", "inflated")),
    (("limits", "message"), ("limits", "inflated")),
)
"""Pairs in which the first, if larger, would have no effect."""

_GUESSABLE_BELOW = 16
"""Shorter secrets can be found by trying: 16 hex digits are 64 bits."""

NO_HASH_KEY = (
    "`store: private` keeps ids as keyed hashes, which needs `hash_key`: make one with `openssl rand -hex 32` and set "
    "it as `hash_key` in the settings or as ADAPTER_HASH_KEY"
)


def problems(values: JsonObject) -> list[SettingProblem]:
    """The problems of settings that are each valid. Codes beginning with W are warnings."""
    return [
        *_shared_keys(values),
        *_wrong_order(values),
        *_guessable(values),
        *_token_of_console(values),
        *_unkeyed(values),
        *_everybody(values),
        *_unclear_ids(values),
        *_no_categories(values),
    ]


def _shared_keys(values: JsonObject) -> Iterator[SettingProblem]:
    owners: dict[Secret, str] = {}
    for path, key in _secrets(values, ("keys",)):
        name = str(path[1])
        owner = owners.setdefault(key, name)
        if owner != name:
            yield SettingProblem(
                "E306", path, f"this key is one of source {owner} too, so a message could be of either"
            )


def _wrong_order(values: JsonObject) -> Iterator[SettingProblem]:
    for lesser, greater in _AT_MOST:
        if _at(values, lesser) > _at(values, greater):
            yield SettingProblem(
                "E307", lesser, f"{'.'.join(map(str, lesser))} is more than {'.'.join(map(str, greater))}"
            )


def _guessable(values: JsonObject) -> Iterator[SettingProblem]:
    # Settings that open the console are checked below.
    names = ("hash_key", "admin_token") if values["console"] == "off" else ("hash_key",)
    own = [((name,), values[name]) for name in names if values.get(name) is not None]
    for path, secret in (*own, *_secrets(values, ("keys", "signing_secrets"))):
        if len(secret.reveal()) < _GUESSABLE_BELOW:
            yield SettingProblem(
                "W301",
                path,
                f"fewer than {_GUESSABLE_BELOW} characters can be guessed; make a secret with: openssl rand -hex 32",
            )


def _token_of_console(values: JsonObject) -> Iterator[SettingProblem]:
    token = values.get("admin_token")
    if values["console"] != "off" and token is not None and len(token.reveal()) < _GUESSABLE_BELOW:
        yield SettingProblem(
            "E311",
            ("admin_token",),
            f"the console needs a token of at least {_GUESSABLE_BELOW} characters, because a copied session can be "
            "used to try tokens; make one with openssl rand -hex 32, or set console: off",
        )


def _unkeyed(values: JsonObject) -> Iterator[SettingProblem]:
    if values.get("hash_key") is None:
        for name, source in values.get("sources", {}).items():
            if source.get("store") == "private":
                yield SettingProblem("E308", ("sources", name, "store"), NO_HASH_KEY)


def _unclear_ids(values: JsonObject) -> Iterator[SettingProblem]:
    for name, source in values.get("sources", {}).items():
        # A value that the schema refused is None.
        is_id = {text.strip().casefold() for text in source.get("is_id", ()) if text is not None}
        for index, text in enumerate(source.get("not_ids", ())):
            if text is not None and text.strip().casefold() in is_id:
                yield SettingProblem(
                    "E309", ("sources", name, "not_ids", index), "`is_id` of this source has the same text"
                )


def _no_categories(values: JsonObject) -> Iterator[SettingProblem]:
    for name, source in values.get("sources", {}).items():
        honours = "consent" in source.get("honour", ())
        if honours and not source.get("consent"):
            message = "`honour: [consent]` needs `consent`, a list of the categories that Browsee belongs to"
            yield SettingProblem("E310", ("sources", name, "honour"), message)
        elif source.get("consent") and not honours:
            message = "`consent` changes nothing without `honour: [consent]`"
            yield SettingProblem("E310", ("sources", name, "consent"), message)


def _everybody(values: JsonObject) -> Iterator[SettingProblem]:
    for index, network in enumerate(values["trusted_proxies"]):
        if network is not None and network.prefixlen == 0:
            yield SettingProblem(
                "W302",
                ("trusted_proxies", index),
                "this is every address there is, so that any sender can say whose address it comes from",
            )


def _secrets(values: JsonObject, settings: Iterable[str]) -> Iterator[tuple[DocumentPath, Secret]]:
    for name, source in values.get("sources", {}).items():
        for setting in settings:
            for index, secret in enumerate(source.get(setting, ())):
                if secret is not None:
                    yield ("sources", name, setting, index), secret


def _at(values: JsonObject, path: DocumentPath) -> float:
    found: float = values[str(path[0])][path[1]]
    return found
