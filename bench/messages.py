"""The measured messages: an Order Completed as Segment's cloud delivers it, about 1.1 KB."""

from typing import Any

import orjson

ORDER: dict[str, Any] = {
    "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
    "anonymousId": "6f1c2d1e-57f2-4cf5-9f0e-0f4f0f6a7c11",
    "channel": "client",
    "context": {
        "ip": "203.0.113.7",
        "library": {"name": "analytics.js", "version": "next-1.84.1"},
        "locale": "fr-FR",
        "page": {"path": "/done", "referrer": "", "search": "", "title": "Thanks", "url": "https://shop.example/done"},
        "timezone": "Europe/Paris",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0",
    },
    "event": "Order Completed",
    "integrations": {},
    "messageId": "ajs-next-0000000000",
    "originalTimestamp": "2026-11-23T06:35:36.554Z",
    "projectId": "P0XXXXXXX",
    "properties": {
        "order_id": "o-1",
        "total": 27.5,
        "revenue": 25.0,
        "currency": "EUR",
        "coupon": "AUTUMN",
        "products": [
            {"product_id": "p1", "sku": "A-1", "name": "Monopoly", "price": 19, "quantity": 1, "category": "Games"},
            {"product_id": "p2", "sku": "B-2", "name": "Uno", "price": 3, "quantity": 2, "category": "Games"},
        ],
    },
    "receivedAt": "2026-11-23T06:35:36.700Z",
    "sentAt": "2026-11-23T06:35:36.556Z",
    "timestamp": "2026-11-23T06:35:36.698Z",
    "type": "track",
    "userId": "u-000000",
    "version": 2,
}


def order(number: int, *, users: int = 1000) -> dict[str, Any]:
    """The order `number`, of one of `users` users; every number gives a body of the same length."""
    return {**ORDER, "messageId": f"ajs-next-{number:010}", "userId": f"u-{number % users:06}"}


def orders(first: int, count: int) -> list[bytes]:
    """`count` single messages from number `first` on, as JSON."""
    return [orjson.dumps(order(number)) for number in range(first, first + count)]


def batches(first: int, count: int, *, size: int = 100) -> list[bytes]:
    """`count` arrays of `size` messages each, as JSON."""
    return [
        orjson.dumps([order(number) for number in range(start, start + size)])
        for start in range(first, first + count * size, size)
    ]
