-- The queue file. Instants are microseconds since 1970, UTC.

CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- What was received, never changed: a row stays where it is from its receipt until its history is pruned.
-- AUTOINCREMENT, because a receipt number must not be used twice even when all rows are gone.
CREATE TABLE message (
    receipt      INTEGER PRIMARY KEY AUTOINCREMENT,
    source       INTEGER NOT NULL,
    message_id   TEXT NOT NULL,
    type         TEXT NOT NULL,
    user_id      TEXT,
    anonymous_id TEXT,
    timestamp_us INTEGER NOT NULL,
    received_us  INTEGER NOT NULL,
    body         BLOB NOT NULL
);

-- A lane with work: `head` is its earliest unfinished event; the rest of the row is about that one.
-- `turn` 0 is live traffic, 1 a lane that was empty when events were put back into it and yields to live traffic, -1 a
-- lane of parked events, which go first once they may; 2 and 3 are 0 and 1 while the head is an event that failed.
CREATE TABLE lane (
    lane       INTEGER PRIMARY KEY,
    source     INTEGER NOT NULL,
    head       INTEGER NOT NULL,
    turn       INTEGER NOT NULL DEFAULT 0,
    due_us     INTEGER NOT NULL,
    attempt    INTEGER NOT NULL DEFAULT 0,
    retried_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX lane_due ON lane (source, turn, due_us);

-- Events behind the head of their lane.
CREATE TABLE waiting (lane INTEGER NOT NULL, receipt INTEGER NOT NULL, PRIMARY KEY (lane, receipt)) WITHOUT ROWID;

-- Calls that got through, of events that are not finished or are dead.
CREATE TABLE sent (receipt INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (receipt, key)) WITHOUT ROWID;

-- How each finished event ended: the history.
CREATE TABLE finished (
    receipt     INTEGER PRIMARY KEY,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    rule        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    mapping     TEXT NOT NULL,
    finished_us INTEGER NOT NULL
);

CREATE TABLE dead (
    receipt INTEGER PRIMARY KEY,
    reason  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    mapping TEXT NOT NULL,
    died_us INTEGER NOT NULL
);

CREATE TABLE rejection (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    message_id  TEXT,
    problems    TEXT NOT NULL,
    body        BLOB NOT NULL,
    received_us INTEGER NOT NULL
);

-- Ids seen, in one table a day (`dedup_<days since 1970>`, made as days come) so that a day is forgotten at once;
-- here those of forgotten days whose event is still pending or dead.
CREATE TABLE dedup_kept (digest BLOB PRIMARY KEY, receipt INTEGER NOT NULL UNIQUE) WITHOUT ROWID;

-- The counters of the balance.
CREATE TABLE ledger (
    source INTEGER NOT NULL, term TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (source, term)
) WITHOUT ROWID;

CREATE TABLE mapping (version TEXT PRIMARY KEY, text TEXT NOT NULL, kept_us INTEGER NOT NULL);
CREATE TABLE active_mapping (name TEXT PRIMARY KEY, version TEXT NOT NULL, activated_us INTEGER NOT NULL);

-- The limit of each Browsee project, by a hash of address and key.
CREATE TABLE learned (project TEXT PRIMARY KEY, per_s REAL NOT NULL, met_at_s REAL NOT NULL);

CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at_us INTEGER NOT NULL);
