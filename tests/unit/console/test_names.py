"""How much of hostile events the names of a page take in."""

from adapter.console.names import MAX_NAME, MAX_PATH_CHARS, MAX_PATHS, NameTally
from adapter.model import JsonObject
from adapter.queue.records import EventRecord
from tests.fakes import make_event


def a_record(name: str, properties: JsonObject) -> EventRecord:
    event = make_event("m-1", event=name, properties=properties)
    return EventRecord(1, event, "pending", "", "", "", 0, "", None, ())


def counted(*records: EventRecord) -> tuple[list[JsonObject], int]:
    tally = NameTally()
    tally.add(records)
    return tally.as_json(lambda _: None), tally.other_names


def test_values_of_one_event_are_bounded() -> None:
    """8,000 values at one path leave nothing for what comes after them."""
    [name], _ = counted(a_record("x", {"first": 1, "many": [[[1] * 20] * 20] * 20, "last": 1}))
    assert [path["path"] for path in name["paths"]] == ["properties.first", "properties.many[][][]"]


def test_what_a_mapping_may_name_is_counted() -> None:
    """Properties, then traits, then context, which never takes the place of the others."""
    event = make_event(
        "m-1",
        properties={"b": 1, "a": "x"},
        traits={"plan": "pro"},
        context={"page": {"url": "/"}, **{f"{n:03}": n for n in range(2 * MAX_PATHS)}},
    )
    [name], _ = counted(EventRecord(1, event, "pending", "", "", "", 0, "", None, ()))
    paths = [path["path"] for path in name["paths"]]
    assert paths[:4] == ["properties.a", "properties.b", "traits.plan", "context.000"]
    assert (paths[-1], len(paths), name["morePaths"]) == ("context.page.url", MAX_PATHS, True)


def test_paths_of_one_name_are_bounded() -> None:
    """In one event and over events."""
    names, _ = counted(*(a_record("x", {f"{n}-{m}": {"a": 1, "b": 1} for m in range(150)}) for n in range(3)))
    assert len(names[0]["paths"]) == MAX_PATHS


def test_paths_of_one_answer_are_bounded() -> None:
    """Names of fields may be long, and others in each event."""
    long = "n" * 200
    names, _ = counted(
        *(a_record(str(n), {long: {long: {f"{m}{long}": {f"{n}{long}": 1} for m in range(190)}}}) for n in range(60))
    )
    chars = sum(len(path["path"]) for name in names for path in name["paths"])
    assert MAX_PATH_CHARS * 0.9 < chars <= MAX_PATH_CHARS
    assert [name["events"] for name in names] == [1] * 60


def test_what_the_bounds_leave_out_is_said() -> None:
    """Of each: paths, values, items, depth, the length of a member's name."""
    deep: JsonObject = {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}
    small: JsonObject = {"a": [1] * 20, "b": {"c": {}}, "d": []}
    cut: list[JsonObject] = [
        deep,
        {"a": [1] * 21},
        {"m" * 201: 1},
        {f"p{n}": n for n in range(202)},
        {"a": [[1] * 20] * 20, "b": [[1] * 20] * 20 + [1] * 9},
    ]
    for properties, is_cut in [(small, False), *((each, True) for each in cut), ({"a": [[[1] * 20] * 20] * 20}, True)]:
        [[name], _] = counted(a_record("n", properties))
        assert name["morePaths"] is is_cut, properties


def test_a_long_name_is_one_of_the_others() -> None:
    """An answer has a thousand names, and none of them may fill it."""
    names, others = counted(a_record("n" * MAX_NAME, {}), a_record("n" * (MAX_NAME + 1), {}))
    assert ([len(name["name"]) for name in names], others) == ([MAX_NAME], 1)
