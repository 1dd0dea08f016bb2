-- The header `traceparent` of the request that brought an event; NULL if there was none.
ALTER TABLE message ADD COLUMN traceparent TEXT;
