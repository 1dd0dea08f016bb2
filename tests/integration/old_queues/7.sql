-- Ids seen are in runs, which are made once and never changed, instead of a table for each day: see seen.py. The newest
-- ones are not in a run yet. `span` is the bit of the filter in which a run's ids are; a run ended when it got its last.
CREATE TABLE seen_recent (id INTEGER PRIMARY KEY, digest BLOB NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE seen_run (
    run      INTEGER PRIMARY KEY AUTOINCREMENT,
    span     INTEGER NOT NULL,
    ids      INTEGER NOT NULL,
    ended_us INTEGER NOT NULL
);
CREATE TABLE seen (
    run    INTEGER NOT NULL,
    digest BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (run, digest)
) WITHOUT ROWID;

-- The filter over the runs, in slices; `state` says up to which run it is whole (`seen_filter_to`).
CREATE TABLE seen_filter (slice INTEGER PRIMARY KEY, bits BLOB NOT NULL, checksum INTEGER NOT NULL);

-- A day becomes a run of its number, so `plain_digests_to` is the last run with such digests.
INSERT INTO seen_run (run, span, ids, ended_us) SELECT {day}, {day} % 8, count(*), ({day} + 1) * 86400000000 FROM dedup_{day};
INSERT INTO seen (run, digest, seq) SELECT {day}, digest, seq FROM dedup_{day} ORDER BY digest;
DROP TABLE dedup_{day};
