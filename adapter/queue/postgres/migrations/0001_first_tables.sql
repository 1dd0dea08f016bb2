-- The queue's tables. Instants are microseconds since 1970, UTC, by the clock of the server.
--
-- What a sender wrote is bytea, for a text of PostgreSQL cannot hold a NUL, and an id may. The names of tables and
-- columns are those of the queue in SQLite; where they differ, a line says why.

CREATE TABLE source (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);

-- The order of arrival. CACHE 1: a connection that took numbers in advance would store late ones before early ones.
CREATE SEQUENCE seq AS bigint;

CREATE TABLE message (
    seq          bigint PRIMARY KEY,
    source       int NOT NULL,
    message_id   bytea NOT NULL,
    type         bytea NOT NULL,
    user_id      bytea,
    anonymous_id bytea,
    timestamp_us bigint NOT NULL,
    received_us  bigint NOT NULL,
    body         bytea NOT NULL,
    traceparent  text
);

-- Lanes change with each event: a page keeps room for the next version of a row, and dead versions go soon.
CREATE TABLE lane (
    lane       bigint PRIMARY KEY,
    source     int NOT NULL,
    head       bigint NOT NULL,
    priority   smallint NOT NULL DEFAULT 0,
    due_us     bigint NOT NULL,
    attempt    int NOT NULL DEFAULT 0,
    retried_us bigint NOT NULL DEFAULT 0,
    reason     text NOT NULL DEFAULT '',
    detail     text NOT NULL DEFAULT ''
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 2000
);
CREATE INDEX lane_due ON lane (priority, source, due_us);

CREATE TABLE waiting (lane bigint NOT NULL, seq bigint NOT NULL, PRIMARY KEY (lane, seq)) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 2000
);

CREATE TABLE sent (seq bigint NOT NULL, key bytea NOT NULL, PRIMARY KEY (seq, key)) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000
);

CREATE TABLE finished (
    seq         bigint PRIMARY KEY,
    outcome     text NOT NULL,
    reason      text NOT NULL,
    rule        text NOT NULL,
    detail      text NOT NULL,
    attempt     int NOT NULL,
    mapping     text NOT NULL,
    finished_us bigint NOT NULL
);
CREATE INDEX finished_at ON finished (finished_us);

CREATE TABLE dead (
    seq     bigint PRIMARY KEY,
    reason  text NOT NULL,
    detail  text NOT NULL,
    attempt int NOT NULL,
    mapping text NOT NULL,
    died_us bigint NOT NULL
);
CREATE INDEX dead_at ON dead (died_us);

CREATE SEQUENCE rejection_number AS bigint;
CREATE TABLE rejection (
    id          bigint PRIMARY KEY,
    source      int NOT NULL,
    reason      text NOT NULL,
    message_id  bytea,
    problems    text NOT NULL,
    body        bytea NOT NULL,
    received_us bigint NOT NULL,
    event       text,
    kept_us     bigint NOT NULL
);
CREATE INDEX rejection_message ON rejection (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE warning (seq bigint PRIMARY KEY, ingest text NOT NULL, mapping text NOT NULL);

-- Calls that were not delivered, of events that were put off or died: the last ones of each event, for operators.
CREATE TABLE failure (
    seq    bigint NOT NULL,
    at_us  bigint NOT NULL,
    call   text NOT NULL,
    status integer,
    cause  text NOT NULL,
    ms     integer NOT NULL,
    PRIMARY KEY (seq, at_us)
);

-- Ids seen, by the day (since 1970) on which they came: a day is a table of its own, `seen_<day>`, and is dropped as a
-- whole. SQLite has runs in files of one owner instead; here several processes add ids, and the primary key is what
-- tells two of them that an id is the same.
CREATE TABLE seen (
    digest bytea NOT NULL, day int NOT NULL, seq bigint NOT NULL, PRIMARY KEY (digest, day)
) PARTITION BY LIST (day);
-- Those of days that were dropped whose event is still pending or dead.
CREATE TABLE dedup_kept (digest bytea PRIMARY KEY, seq bigint NOT NULL UNIQUE);

-- The counters of the balance, and what each source holds: a sum over rows, for a row that each commit changed would
-- be waited for by all others. Upkeep folds them; SQLite has one row for each.
CREATE TABLE ledger (source int NOT NULL, term text NOT NULL, n bigint NOT NULL) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000
);
CREATE TABLE held (source int NOT NULL, events bigint NOT NULL, bytes bigint NOT NULL) WITH (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000
);

-- What is kept of each minute for charts: see adapter/queue/samples.py. `sampled` is the ledger as of the last sample;
-- source 0 is the sum of all.
CREATE TABLE sampled (source int NOT NULL, term text NOT NULL, n bigint NOT NULL, PRIMARY KEY (source, term));
CREATE TABLE sample (
    source int NOT NULL, minute bigint NOT NULL, term text NOT NULL, n bigint NOT NULL, PRIMARY KEY (source, minute, term)
);
-- Those that are too old are found by their minute.
CREATE INDEX sample_minute ON sample (minute);
CREATE TABLE backlog (minute bigint PRIMARY KEY, pending bigint NOT NULL);
CREATE TABLE pace (
    minute bigint NOT NULL, project text NOT NULL, per_s float8 NOT NULL, limit_per_s float8, PRIMARY KEY (minute, project)
);

-- Every activation of a mapping file; texts are kept once.
CREATE TABLE mapping_text (digest text PRIMARY KEY, text text NOT NULL);
CREATE TABLE activation (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    version text NOT NULL,
    digest  text NOT NULL,
    at_us   bigint NOT NULL,
    by      text NOT NULL
);
CREATE INDEX activation_name ON activation (name, id);
CREATE INDEX activation_version ON activation (version);

CREATE TABLE learned (project text PRIMARY KEY, per_s float8 NOT NULL, met_at_s float8 NOT NULL);

CREATE TABLE probe (id int PRIMARY KEY CHECK (id = 1), at_us bigint NOT NULL);

CREATE TABLE deletion (
    seq         bigint PRIMARY KEY,
    source      int NOT NULL,
    user_id     bytea NOT NULL,
    message_id  bytea NOT NULL,
    received_us bigint NOT NULL,
    events      int NOT NULL DEFAULT 0,
    rejections  int NOT NULL DEFAULT 0,
    done_us     bigint
);
CREATE INDEX deletion_open ON deletion (source, user_id) WHERE done_us IS NULL;

-- Which replica delivers each source: see claims.py. SQLite has one process, which locks the file.
CREATE TABLE claim (
    name     text PRIMARY KEY,
    holder   text NOT NULL DEFAULT '',
    epoch    bigint NOT NULL DEFAULT 0,
    beat     bigint NOT NULL DEFAULT 0,
    released boolean NOT NULL DEFAULT TRUE
) WITH (fillfactor = 50);

-- The replicas that are there, so that they share the projects, and what each announced of itself, as JSON, so that
-- operators see where they differ; SQLite has one process.
CREATE TABLE replica (
    holder text PRIMARY KEY, delivers boolean NOT NULL, seen_at timestamptz NOT NULL, facts text NOT NULL
) WITH (fillfactor = 50);

-- Numbers that the queue remembers: `now_us`, the time by which lanes are due, as the service looked at it last.
CREATE TABLE state (name text PRIMARY KEY, value bigint NOT NULL);

-- Where the queue was moved to: with a row, it cannot be served any more. SQLite has this in the header of the file.
CREATE TABLE moved (place text NOT NULL, at_us bigint NOT NULL);
