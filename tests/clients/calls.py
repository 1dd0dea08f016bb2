"""What every client is asked to send, and what Browsee must have got of it: the same for all, that is the point."""

from typing import Any

TRACKED = 30
"""More than one batch of any library."""

MAPPING = """\
version: 1
rules:
  - name: Identify
    when: {type: identify}
    identify: true
  - name: Page views
    when: {type: page}
    track: PAGE_VIEWED
    copy: none
    properties: {name: {first: [name, properties.name]}, path: properties.path}
  - name: Screen views
    when: {type: screen}
    track: SCREEN_VIEWED
    copy: none
    properties: {name: {first: [name, properties.name]}, tab: properties.tab}
  - name: A group was joined
    when: {type: group}
    track: GROUP_JOINED
    copy: none
    properties: {group: groupId, industry: traits.industry}
  - name: Two ids are one
    when: {type: alias}
    track: ALIASED
    copy: none
    properties: {previous: previousId}
  - name: Everything else people do
    when: {type: track}
    track: {from: event, apply: [snake, upper]}
"""
"""Names what is compared, for libraries add properties of their own to pages and screens."""


def calls(user: str) -> list[dict[str, Any]]:
    """Every type of message, and `TRACKED` numbered track events, in the names of Segment's specification."""
    who = {"userId": user}
    return [
        {**who, "type": "identify", "traits": {"plan": "pro", "seats": 3}},
        {**who, "type": "page", "name": "Pricing", "properties": {"path": "/pricing"}},
        {**who, "type": "screen", "name": "Orders", "properties": {"tab": "open"}},
        {**who, "type": "group", "groupId": "acme", "traits": {"industry": "retail"}},
        {**who, "type": "alias", "previousId": f"{user}-before"},
        *(
            {**who, "type": "track", "event": "Order Completed", "properties": {"n": n, "total": 27.5}}
            for n in range(TRACKED)
        ),
    ]


def expected(user: str) -> list[dict[str, Any]]:
    """The calls that Browsee gets of them, without ids and times that differ from run to run."""
    made: list[tuple[str, dict[str, Any]]] = [
        ("PAGE_VIEWED", {"name": "Pricing", "path": "/pricing"}),
        ("SCREEN_VIEWED", {"name": "Orders", "tab": "open"}),
        ("GROUP_JOINED", {"group": "acme", "industry": "retail"}),
        ("ALIASED", {"previous": f"{user}-before"}),
        *(("ORDER_COMPLETED", {"n": n, "total": 27.5}) for n in range(TRACKED)),
    ]
    return [
        {"userId": user, "traits": {"plan": "pro", "seats": 3}},
        *({"userId": user, "event": event, "properties": properties} for event, properties in made),
    ]


def comparable(call: dict[str, Any]) -> dict[str, Any]:
    """A call as `expected` writes one."""
    return {name: held for name, held in call["body"].items() if name not in {"anonymousId", "timestamp"}}
