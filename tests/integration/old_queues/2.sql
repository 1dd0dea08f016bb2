-- What version 2 added.
ALTER TABLE message ADD COLUMN traceparent TEXT;
