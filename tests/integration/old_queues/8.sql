-- Calls that were not delivered, of events that were put off or died: the last ones of each event, for operators. An
-- event that is delivered at its first try has no row.
CREATE TABLE failure (
    seq    INTEGER NOT NULL,
    at_us  INTEGER NOT NULL,
    call   TEXT NOT NULL,
    status INTEGER,
    cause  TEXT NOT NULL,
    ms     INTEGER NOT NULL,
    PRIMARY KEY (seq, at_us)
) WITHOUT ROWID;
