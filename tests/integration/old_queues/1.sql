-- The tables of version 1, as they were made then.
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
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
CREATE TABLE waiting (lane INTEGER NOT NULL, receipt INTEGER NOT NULL, PRIMARY KEY (lane, receipt)) WITHOUT ROWID;
CREATE TABLE sent (receipt INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (receipt, key)) WITHOUT ROWID;
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
CREATE TABLE dedup_kept (digest BLOB PRIMARY KEY, receipt INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE ledger (
    source INTEGER NOT NULL, term TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (source, term)
) WITHOUT ROWID;
CREATE TABLE mapping (version TEXT PRIMARY KEY, text TEXT NOT NULL, kept_us INTEGER NOT NULL);
CREATE TABLE active_mapping (name TEXT PRIMARY KEY, version TEXT NOT NULL, activated_us INTEGER NOT NULL);
CREATE TABLE learned (project TEXT PRIMARY KEY, per_s REAL NOT NULL, met_at_s REAL NOT NULL);
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at_us INTEGER NOT NULL);
