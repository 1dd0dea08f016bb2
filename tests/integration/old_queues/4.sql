-- Warnings of the events that have any, as JSON: those of ingest stay, those of the mapping are replaced at each settle.
CREATE TABLE warning (receipt INTEGER PRIMARY KEY, ingest TEXT NOT NULL, mapping TEXT NOT NULL);

-- Why the last try of a lane's head failed; '' while none has.
ALTER TABLE lane ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE lane ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- Of a rejection that is a copy of an event what its body does not say, as JSON; NULL for every other one.
ALTER TABLE rejection ADD COLUMN event TEXT;

-- When it was stored, by trusted time; NULL before version 4.
ALTER TABLE rejection ADD COLUMN kept_us INTEGER;

-- What is older than its retention, however old what was received before it.
CREATE INDEX finished_at ON finished (finished_us);
CREATE INDEX dead_at ON dead (died_us);

-- Numbers that the queue remembers. `plain_digests_to`: the last day whose digests may be of source and message id alone.
-- `trusted_us`, `credit_us`: see trusted_time.py. `steady_us`: the time by which lanes are due.
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state (name, value) SELECT 'plain_digests_to', day
FROM (SELECT max(CAST(substr(name, 7) AS INTEGER)) AS day FROM sqlite_master
      WHERE type = 'table' AND name GLOB 'dedup_[0-9]*') WHERE day IS NOT NULL;

-- What each source holds: events that are pending or dead, and their bytes (300 for each beside its body). Changed in
-- the transaction that changes the rows.
CREATE TABLE held (source INTEGER PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL);

INSERT INTO held (source, events, bytes)
SELECT source, count(*), sum(length(body) + 300) FROM message
WHERE NOT EXISTS (SELECT 1 FROM finished WHERE finished.receipt = message.receipt) GROUP BY source;
