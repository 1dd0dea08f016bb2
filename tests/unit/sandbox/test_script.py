"""Scripts of answers: read strictly, and answering the calls they name."""

import pytest

from adapter.errors import ConfigError
from adapter.sandbox.script import FORMAT, Script, ScriptRule, parse_script


def statuses(script: Script, *calls: tuple[str, str, str]) -> list[int | None]:
    """What the script answers to these calls (kind, event, user); None for the usual."""
    rules = [script.answer(kind=kind, event=event, user=user) for kind, event, user in calls]
    return [None if rule is None else rule.status for rule in rules]


def test_the_first_rule_that_fits_answers() -> None:
    """All that `when` names must fit; what it does not name fits anything."""
    script = Script(
        [
            ScriptRule(event="A", user="u", status=500),
            ScriptRule(event="A", status=429),
            ScriptRule(kind="identify", status=403),
        ]
    )
    calls = [("track", "A", "u"), ("track", "A", "v"), ("track", "B", "u"), ("identify", "B", "u")]
    assert statuses(script, *calls) == [500, 429, None, 403]


@pytest.mark.parametrize(
    ("nth", "answered"),
    [
        pytest.param("2", [None, 503, None, None], id="one"),
        pytest.param("1-3", [503, 503, 503, None], id="range"),
        pytest.param("3-", [None, None, 503, 503], id="open-range"),
    ],
)
def test_nth_counts_the_calls_that_fit(nth: str, answered: list[int | None]) -> None:
    """Calls that do not fit are not counted."""
    script = parse_script(f'- {{when: {{event: A}}, nth: "{nth}", status: 503}}', file="s.yaml")
    assert statuses(script, ("track", "B", "u")) == [None]
    assert statuses(script, *[("track", "A", "u")] * 4) == answered


def test_per_user_counts_each_user_apart() -> None:
    """The first call of every user fails, and the next does not."""
    script = parse_script("- {nth: 1, per: user, status: 500}", file="s.yaml")
    calls = [("track", "A", "u"), ("track", "A", "v"), ("track", "A", "u"), ("track", "A", "v")]
    assert statuses(script, *calls) == [500, 500, None, None]


def test_the_documented_script_is_read_as_documented() -> None:
    """What `--help` shows can be pasted."""
    script = parse_script(FORMAT[FORMAT.index("- when") :], file="s.yaml")
    assert script.answer(kind="track", event="ORDER_COMPLETED", user="u-1") == ScriptRule(
        kind="track",
        event="ORDER_COMPLETED",
        user="u-1",
        first=1,
        last=3,
        per_user=True,
        status=503,
        body={"status": "failure", "message": "down for a while"},
        retry_after="5",
        delay_s=0.2,
    )
    assert script.answer(kind="track", event="CLICKED", user="u-1") == ScriptRule(event="CLICKED", drop=True)


def test_json_is_a_script_too() -> None:
    """For those who make scripts by program."""
    script = parse_script('[{"when": {"user": "u"}, "status": 500}]', file="s.json")
    assert statuses(script, ("track", "A", "u")) == [500]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("status: 500", "s.yaml:1:1: expected: a script is a list of rules", id="no-list"),
        pytest.param(
            "- stauts: 500", "s.yaml:1:3: `stauts` is not a word of a rule; did you mean `status`?", id="word"
        ),
        pytest.param("- {status: 99}", "s.yaml:1:12: expected: an HTTP status, 200 to 599", id="status"),
        pytest.param("- when:\n    kind: page\n  drop: true", "s.yaml:2:11: expected: track or identify", id="kind"),
        pytest.param("- {nth: 0-2, drop: true}", "s.yaml:1:9: expected: a number from 1", id="nth"),
        pytest.param("- {status: 500}\n- {nth: 2}", "s.yaml:2:3: expected: a rule", id="a-rule-that-answers-nothing"),
        pytest.param("- {status: 500, status: 400}", "`status` is written twice", id="twice"),
        pytest.param("- [", "s.yaml:2:1: error E101", id="no-yaml"),
    ],
)
def test_a_wrong_script_is_refused_with_its_place(text: str, problem: str) -> None:
    """File, line, column, and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse_script(text, file="s.yaml")
    assert problem in str(caught.value)
