"""Whatever is wrong with settings is reported with its place and what is allowed, all of it in one run, no secrets."""

import textwrap
from pathlib import Path

import pytest

from adapter.errors import ConfigError
from adapter.files.finding import as_text
from adapter.settings.load import check_settings
from tests.unit.settings.folders import BROWSEE_KEY, Folder

FILE = Path("adapter.yaml")
LONG = "a-secret-of-some-length"


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    return [as_text(finding) for finding in check_settings(text, file=FILE, environ=environ or {})]


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("listn: a:1", "1:1: error E301: `listn` is not a setting; did you mean `listen`?"),
        ("retry: {fro: 1h}", "1:9: error E301: `fro` is not a setting of retry; did you mean `for`?"),
        ("pace: {xyz: 1h}", "1:8: error E301: `xyz` is not a setting of pace; there are recover"),
        ("listen: 8080", "1:9: error E302: listen: an address is a host, a colon and a port up to 65535"),
        ("listen: a:65536", "1:9: error E302: an address is a host, a colon and a port up to 65535"),
        ("retry: {for: 72}", "1:14: error E302: retry.for: a duration is a number above 0 and ms, s, m, h or d"),
        ("retry: {for: 0h}", "1:14: error E302: retry.for: a duration is a number above 0"),
        ("retry: 72h", "1:8: error E302: retry: a group of settings: for, max"),
        ("limits: {body: 5MiB}", "1:16: error E302: limits.body: a size is a number above 0 and B, KB, MB, GB or TB"),
        ("limits: {pending: 0}", "1:19: error E302: limits.pending: a whole number from 1 to"),
        ("browsee: {rate: fast}", "1:17: error E302: browsee.rate: auto, or a rate"),
        ("browsee: {url: api.test}", "1:16: error E302: browsee.url: a URL is http:// or https://"),
        ("browsee: {identify: no}", "1:21: error E302: browsee.identify: true or false"),
        ("queue: mysql://x", "1:8: error E302: queue: a queue is sqlite:///relative/path.db"),
        ("queue: postgresql://db/x?schema=A-b", "1:8: error E302: queue: `schema` takes up to 51 characters"),
        ("queue: postgresql://db/x?schema", "1:8: error E302: queue: a PostgreSQL queue is postgresql://user@host"),
        ("queue: sqlite:///", "1:8: error E302: queue: a queue is"),
        ("sources: {}", "1:10: error E302: sources: a name for each source"),
        ("sources: {a b: {}}", "1:11: error E302: a source's name is 1 to 64 letters"),
        ("sources: {a: }", "1:14: error E302: sources.a: a group of settings: keys, signing_secrets"),
        ("sources: {a: {order: usr}}", "1:22: error E302: sources.a.order: user or none"),
        ("sources: {a: {limit_bytes: 0MB/s}}", "1:28: error E302: sources.a.limit_bytes: off, or a rate in bytes"),
        ("sources: {a: {limit: auto}}", "1:22: error E302: sources.a.limit: off, or a rate"),
        ("sources: {a: {keys: []}}", "1:21: error E302: sources.a.keys: a list of at least one key"),
        ("sources: {a: {keys: [a/b]}}", "1:22: error E302: sources.a.keys[0]: a key is 1 to 256 letters"),
        ("sources: {a: {vars: {x: [1]}}}", "1:25: error E302: sources.a.vars.x: a text, a number"),
        ("sources: {a: {mapping: no.yaml}}", "1:24: error E302: no mapping file no.yaml"),
        ("sources: {a: {store: hidden}}", "1:22: error E302: sources.a.store: raw or private"),
        ("sources: {a: {store: private}}", "1:22: warning W308: `store: private` keeps ids as keyed hashes"),
        ("sources: {a: {honour: [cookies]}}", "1:24: error E302: sources.a.honour[0]: integrations or consent"),
        ("sources: {a: {honour: [consent]}}", "1:23: error E310: `honour: [consent]` needs `consent`"),
        ("sources: {a: {consent: [x]}}", "1:24: error E310: `consent` changes nothing without `honour: [consent]`"),
        ("sources: {a: {max_age: 71h}}", "1:24: error E302: max_age must be off or at least 72h"),
        ("sources: {a: {max_age: soon}}", "1:24: error E302: sources.a.max_age: off, or a duration of at least 72h"),
        ("sources: {a: {not_ids: [' ']}}", "1:25: error E302: sources.a.not_ids[0]: a text that is not blank"),
        ("sources: {a: {not_ids: [A], is_id: ['a ']}}", "1:25: error E309: `is_id` of this source has the same text"),
        ("admin_listen: 8081", "1:15: error E302: admin_listen: an address is a host, a colon and a port"),
        ("trusted_proxies: 10.0.0.1", "1:18: error E302: trusted_proxies: a list of addresses and networks"),
        ("trusted_proxies: [proxy]", "1:19: error E302: trusted_proxies[0]: an IP address or a network in CIDR form"),
        ("trusted_proxies: [10.0.0.1/8]", "1:19: error E302: an IP address or a network in CIDR form without bits"),
        ("trusted_proxies: [0.0.0.0/0]", "1:19: warning W302: this is every address there is"),
        ("hash_key: ${NOT_SET}", "1:11: warning W304: the environment variable NOT_SET is not set"),
        ("hash_key: ${NOT_SET", "1:11: error E302: `${` begins the name of an environment variable"),
        ("hash_key: ${NOT-SET:-x}", "1:11: error E302: `${` begins the name of an environment variable"),
        ("hash_key: |\n  a-secret-of-some-length\n", "1:11: error E302: a secret has no spaces and no line break"),
        ("retry: {for: 1m, max: 1h}", "1:23: error E307: retry.max is more than retry.for"),
        ("limits: {message: 50MB}", "1:19: error E307: limits.message is more than limits.inflated"),
        (f"sources: {{a: {{keys: [{LONG}]}}, b: {{keys: [{LONG}]}}}}", "1:60: error E306: this key is one of source a"),
        ("hash_key: short", "1:11: warning W301: fewer than 16 characters can be guessed"),
        ("sources: {a: {keys: [short]}}", "1:22: warning W301: fewer than 16 characters can be guessed"),
        ("admin_token: short", "1:14: error E311: the console needs a token of at least 16 characters"),
        ("console: off\nadmin_token: short", "2:14: warning W301: fewer than 16 characters can be guessed"),
        ("console: on", "1:10: error E302: console: off, or a group of settings: edit"),
        ("console: {edit: yes}", "1:17: error E302: console.edit: auto, on or off"),
        ("console: {edits: auto}", "1:11: error E301: `edits` is not a setting of console"),
        ("listen: a:1\nlisten: b:1", "2:1: error E103: `listen` is written twice"),
        ("listen: {", "error E101: not valid YAML"),
        ("", "1:1: error E100: the file is empty"),
        ("[]", "1:1: error E302: the file: a group of settings: listen, queue"),
    ],
    ids=lambda value: value if "error" not in value and "warning" not in value else "",
)
def test_a_problem_is_reported_with_its_place(text: str, headline: str) -> None:
    """File, line, column, code and what is allowed; one problem is reported once."""
    (shown,) = problems(text)
    assert shown.startswith("adapter.yaml:")
    assert headline in shown


def test_the_line_and_a_caret_are_shown() -> None:
    """The reader sees the place without opening the file."""
    (shown,) = problems("queue: 'memory:'\nretry: {for: 72}\n")
    assert shown.splitlines()[1:] == ["       2 | retry: {for: 72}", "         |              ^"]


def test_all_problems_are_reported_in_one_run_from_the_top(folder: Folder) -> None:
    """One start reports all five mistakes, not one each."""
    text = textwrap.dedent("""\
        listen: 8080
        browsee: {rate: fast}
        sources:
          shop: {keys: ["${SHOP_KEY}"], order: usr}
        pase: {}
        """)
    with pytest.raises(ConfigError) as refusal:
        folder.load(text, environ={"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_PORT": "high"})
    headlines = [line for line in str(refusal.value).splitlines() if ": error " in line]
    assert [line.rpartition("adapter.yaml:")[2].partition(" ")[0] for line in headlines] == [
        "ADAPTER_PORT:",
        "1:9:",
        "2:17:",
        "4:17:",
        "4:40:",
        "5:1:",
    ]


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"ADAPTER_PORT": "-1"}, "ADAPTER_PORT: error E302: a port is a number from 0 to 65535"),
        ({"ADAPTER_PORT": "http://x:80"}, "ADAPTER_PORT: error E302: a port is a number from 0 to 65535"),
        ({"ADAPTER_HOST": "a b"}, "ADAPTER_HOST: error E302: an address is a host"),
        ({"ADAPTER_LOG_FORMAT": "xml"}, "ADAPTER_LOG_FORMAT: error E302: json or text"),
        ({"ADAPTER_LOG_LEVEL": "trace"}, "ADAPTER_LOG_LEVEL: error E302: debug or info"),
        ({"ADAPTER_QUEUE": "postgresql:/x"}, "ADAPTER_QUEUE: error E302: queue: a queue is sqlite:///relative/path.db"),
        ({"ADAPTER_WRITE_KEY": "a b"}, "ADAPTER_WRITE_KEY: error E302: sources.default.keys[0]: a key is"),
        ({"BROWSEE_URL": "browsee"}, "BROWSEE_URL: error E302: browsee.url: a URL is"),
        ({"ADAPTER_MAPPING": "no.yaml"}, "ADAPTER_MAPPING: error E302: no mapping file"),
        ({"ADAPTER_MAPPING": "nonsense"}, "ADAPTER_MAPPING: error E302: no mapping called nonsense comes with"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_variable_is_named_when_it_is_wrong(folder: Folder, environ: dict[str, str], text: str) -> None:
    """A problem in the environment is as plain as one in the file, and does not show the value."""
    with pytest.raises(ConfigError) as refusal:
        folder.load(environ={"BROWSEE_API_KEY": BROWSEE_KEY, **environ})
    assert text in str(refusal.value)


def test_an_option_is_named_when_it_is_wrong(folder: Folder) -> None:
    """The option is to blame, not the variable it stands for."""
    with pytest.raises(ConfigError, match=r"^--host: error E302: an address"):
        folder.load(host="a b")


def test_an_unset_variable_stops_the_service(folder: Folder) -> None:
    """`check` warns, because it may run where no secret is; the service needs them."""
    text = "hash_key: ${NOT_SET}\n"
    assert [finding.code for finding in check_settings(text, file=FILE, environ={})] == ["W304"]
    with pytest.raises(ConfigError, match=r"adapter\.yaml:1:11: error E304: .* NOT_SET is not set"):
        folder.load(text)


def test_an_unset_variable_hides_no_other_problem() -> None:
    """What stands beside an unknown value is judged all the same."""
    shown = problems("sources: {a: {keys: ['${K}'], limit: '${L}', order: usr}}\n")
    assert [line.split()[2] for line in shown] == ["W304:", "W304:", "E302:"]
    assert "sources.a.order" in shown[2]


def test_one_kind_of_problem_hides_no_other() -> None:
    """Misspelt words, wrong values, and what two settings make wrong together are reported in one run."""
    shown = problems(
        "listn: a:1\nlimits: {body: '${SIZE}', message: 50MB, inflated: 5mb}\nretry: {max: 80h}\nhash_key: short\n"
    )
    assert [line.split()[2] for line in shown] == ["E301:", "W304:", "E307:", "E302:", "E307:", "W301:"]


def test_guessable_secrets_are_noted_at_start(folder: Folder) -> None:
    """A weak key is no reason to lose events, but a warning is due."""
    (note,) = folder.load("hash_key: short\n").notes
    assert "warning W301" in note


@pytest.mark.parametrize(
    "text",
    [
        "admin_token: [S3CRET]",
        "admin_token: {S3CRET: 1}",
        "admin_tokn: S3CRET",
        "admin_tokn:\n  - S3CRET",
        "tokens: {admin: S3CRET}",
        "S3CRET",
        "hash_key: S3CRET #1",
        'hash_key: "S3CRET',
        'hash_key: "S3CRET" junk',
        "hash_key: 'one\n  S3CRET', pace: 1",
        'sources: {a: {keys: ["S3CRET"], order: usr}}',
        'sources: {a: {order: usr, keys: ["S3CRET"]}}',
        "sources: {a: {keys: S3CRET}}",
        "sources: {a: {keys: [S3CRET]}, b: {keys: [S3CRET]}}",
        "sources: {a: {signing_secrets: [S3CRET, 5]}}",
        "sources: {a: S3CRET}",
        "sources: S3CRET",
        "browsee: {url: 'https://me:S3CRET@browsee.test/'}",
        "queue: postgresql://me:S3CRET@db/x y",
        "queue: postgresql://me:S3CRET@db/x?schema=9",
        "queue: postgresql://db/x?password=S3CRET&schema=9",
        "hash_key: S3CRET\nhash_key: S3CRET",
    ],
)
def test_no_secret_is_ever_shown(text: str) -> None:
    """A secret in plain text, even in the wrong place, reaches no message and no source line."""
    shown = problems(text)
    assert shown
    assert "S3CRET" not in "\n".join(shown)


def test_a_variable_s_value_is_never_shown() -> None:
    """A value of the environment that does not fit is reported by its name only."""
    shown = problems("limits: {body: '${SIZE}'}\nadmin_token: '${TOKEN}'", {"SIZE": "S3CRET", "TOKEN": "S3CRET"})
    assert len(shown) == 2
    assert "S3CRET" not in "\n".join(shown)
