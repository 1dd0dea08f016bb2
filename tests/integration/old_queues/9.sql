-- Every activation of a mapping file, for its history: also one that changes comments only, which has a digest of its own
-- and the version of before. Texts are kept once. Those of before have their version in place of a digest, and no name
-- unless they were the last of their file.
CREATE TABLE mapping_text (digest TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE activation (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    digest  TEXT NOT NULL,
    at_us   INTEGER NOT NULL,
    by      TEXT NOT NULL
);
CREATE INDEX activation_name ON activation (name, id);
CREATE INDEX activation_version ON activation (version);

INSERT INTO mapping_text (digest, text) SELECT version, text FROM mapping;
INSERT INTO activation (name, version, digest, at_us, by) SELECT '', version, version, kept_us, 'file' FROM mapping
ORDER BY kept_us;
INSERT INTO activation (name, version, digest, at_us, by) SELECT name, version, version, activated_us, 'file'
FROM active_mapping ORDER BY activated_us;
DROP TABLE active_mapping;
DROP TABLE mapping;
