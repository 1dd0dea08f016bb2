-- Requests to delete a user's data, and what came of them. `receipt` is the request's own: what came after it stays.
CREATE TABLE deletion (
    receipt     INTEGER PRIMARY KEY,
    source      INTEGER NOT NULL,
    user_id     TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    received_us INTEGER NOT NULL,
    events      INTEGER NOT NULL DEFAULT 0,
    rejections  INTEGER NOT NULL DEFAULT 0,
    done_us     INTEGER
);
CREATE INDEX deletion_open ON deletion (source, user_id) WHERE done_us IS NULL;
