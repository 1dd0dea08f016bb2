-- What is kept of each minute for charts: see adapter/queue/samples.py. `sampled` is the ledger as of the last sample;
-- what was counted before this migration is of no minute. Source 0 is the sum of all.
CREATE TABLE sampled (
    source INTEGER NOT NULL, term TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (source, term)
) WITHOUT ROWID;
INSERT INTO sampled (source, term, n) SELECT source, term, n FROM ledger;

CREATE TABLE sample (
    source INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    term   TEXT NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (source, minute, term)
) WITHOUT ROWID;
CREATE TABLE backlog (minute INTEGER PRIMARY KEY, pending INTEGER NOT NULL);
CREATE TABLE pace (
    minute      INTEGER NOT NULL,
    project     TEXT NOT NULL,
    per_s       REAL NOT NULL,
    limit_per_s REAL,
    PRIMARY KEY (minute, project)
) WITHOUT ROWID;
