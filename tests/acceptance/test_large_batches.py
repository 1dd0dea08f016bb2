"""`serve` under the largest batches that Segment sends: 4,000 orders with all their context, several at once."""

import asyncio
import time
from io import BytesIO
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.acceptance.test_floods import Served, served

pytestmark = pytest.mark.alone

WEBHOOK = "/webhooks/shop/key-of-the-shop-1"


ORDER = b"""{"type": "track", "event": "Order Completed", "messageId": "ajs-next-BATCH-NUMBER", "userId": "user-NUMBER",
 "anonymousId": "23adfd82-aa0f-45a7-a756-24f2a7a4c895", "timestamp": "2026-11-27T10:00:00.000Z", "integrations": {},
 "context": {"ip": "203.0.113.7", "locale": "de-DE", "timezone": "Europe/Berlin",
  "page": {"path": "/checkout/thanks", "referrer": "https://shop.example.com/checkout", "search": "?utm_source=news",
   "title": "Thank you for your order", "url": "https://shop.example.com/checkout/thanks?utm_source=news"},
  "campaign": {"name": "may", "source": "news", "medium": "email"},
  "library": {"name": "analytics.js", "version": "next-1.70.0"},
  "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131"},
 "properties": {"order_id": "order-BATCH-NUMBER", "checkout_id": "fksdjfsdjfisjf9sdfjsd9f", "affiliation": "Web Store",
  "total": 27.5, "revenue": 25.0, "shipping": 3, "tax": 2, "discount": 2.5, "coupon": "hasbros", "currency": "EUR",
  "products": [PRODUCT, PRODUCT, PRODUCT]}}"""
PRODUCT = b"""{"product_id": "507f1f77bcf86cd799439011", "sku": "45790-32", "name": "Monopoly: 3rd Edition",
  "price": 18.99, "quantity": 1, "position": 3, "brand": "Northwind", "category": "Games", "variant": "200 pieces",
  "coupon": "MAYDEALS", "url": "https://shop.example.com/product/monopoly", "currency": "EUR",
  "image_url": "https://shop.example.com/images/products/monopoly-3rd-edition.png"}"""


def batch_of(batch: int) -> bytes:
    """4,000 purchases as analytics.js sends them: three products each, and the page's and the campaign's context."""
    whole = ORDER.replace(b"PRODUCT", PRODUCT).replace(b"BATCH", b"%d" % batch)
    return b"[" + b",".join(whole.replace(b"NUMBER", b"%d" % number) for number in range(4_000)) + b"]"


async def small_ones(at: Served, over: asyncio.Event) -> tuple[int, float]:
    """One event after the other, the body apart from the header: how many were stored, and how slowly at worst."""
    stored, slowest_s = 0, 0.0
    while not over.is_set():
        body = orjson.dumps({"type": "track", "event": "Clicked", "userId": f"small-{stored}"})
        reader, writer = await asyncio.open_connection("127.0.0.1", int(at.ports[0]))
        began_s = time.monotonic()
        head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        stored, slowest_s = stored + 1, max(slowest_s, time.monotonic() - began_s)
        writer.close()
    return stored, slowest_s


@pytest.mark.timeout(300)
async def test_the_largest_batches_of_segment_pass(tmp_path: Path) -> None:
    """Twelve at once: each is stored whole, some after they were asked to come again, and small ones pass meanwhile."""
    batches = [batch_of(batch) for batch in range(12)]
    assert len(batches[0]) > 7_600_000
    async with served(tmp_path) as at, aiohttp.ClientSession() as http:

        async def send(body: bytes) -> None:
            while True:
                async with http.post(at.url + WEBHOOK, data=BytesIO(body)) as answer:
                    if answer.status == 200:
                        return
                    assert (answer.status, (await answer.json())["code"]) == (503, "too_much_at_once")
                    assert int(answer.headers["Retry-After"]) > 0
                # As a sender does that heeds Retry-After, which is longer; the test ends when all are stored.
                await asyncio.sleep(0.5)

        over = asyncio.Event()
        small = asyncio.create_task(small_ones(at, over))
        idle_kb = at.memory_kb
        await asyncio.gather(*map(send, batches))
        over.set()
        stored, slowest_s = await small
        async with http.get(
            f"{at.admin_url}/metrics", headers={"Authorization": "Bearer token-of-the-operator"}
        ) as answer:
            figures = await answer.text()
        assert f'browsee_adapter_messages_stored_total{{source="shop"}} {48_000 + stored}.0' in figures
        assert stored > 5
        assert slowest_s < 10
        assert at.peak_kb - idle_kb < 350_000
