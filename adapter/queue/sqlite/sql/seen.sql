-- Every statement about ids seen: see seen.py.

-- name: runs_made
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'seen_run'), 0);

-- name: runs
SELECT run, span, ids, ended_us FROM seen_run ORDER BY run;

-- name: recent_after
SELECT id, digest, seq FROM seen_recent WHERE id > ? ORDER BY id;

-- name: add_recent
INSERT INTO seen_recent (digest, seq) VALUES {rows:2};

-- name: add_run
INSERT INTO seen_run (span, ids, ended_us) VALUES (?, ?, ?);

-- name: sort_recent
-- An operator may have added a digest once more, with another seq: the last one counts.
INSERT OR REPLACE INTO seen (run, digest, seq) SELECT ?, digest, seq FROM seen_recent ORDER BY digest, id;

-- name: forget_recent
DELETE FROM seen_recent;

-- name: bring_back_runs
UPDATE seen_run SET ended_us = ?1 WHERE ended_us > ?1;

-- name: seen_in_runs
-- What is in a run that ended at the last value or before is remembered only while its event is not finished.
SELECT digest, seen.seq FROM seen_run CROSS JOIN seen ON seen.run = seen_run.run AND digest IN ({numbered})
WHERE seen_run.run BETWEEN ? AND ? AND (seen_run.ended_us > ? OR (
    EXISTS (SELECT 1 FROM message WHERE message.seq = seen.seq)
    AND NOT EXISTS (SELECT 1 FROM finished WHERE finished.seq = seen.seq)
)) ORDER BY seen_run.run;

-- name: seen_in_kept
SELECT digest, seq FROM dedup_kept WHERE digest IN ({numbered});

-- name: digests_of_run
SELECT digest FROM seen WHERE run = ? AND digest > ? ORDER BY digest LIMIT ?;

-- name: nth_digest
SELECT digest FROM seen WHERE run = ? ORDER BY digest LIMIT 1 OFFSET ?;

-- name: keep_unfinished
INSERT OR REPLACE INTO dedup_kept (digest, seq)
SELECT digest, seq FROM seen WHERE run = ? AND digest <= ?
  AND EXISTS (SELECT 1 FROM message WHERE message.seq = seen.seq)
  AND NOT EXISTS (SELECT 1 FROM finished WHERE finished.seq = seen.seq);

-- name: forget_digests
DELETE FROM seen WHERE run = ? AND digest <= ?;

-- name: merge_runs
-- Into run ?1 what runs ?5 to ?6 of its span have after one digest up to another; the newest run counts.
INSERT OR REPLACE INTO seen (run, digest, seq)
SELECT ?1, digest, seen.seq
FROM seen_run CROSS JOIN seen ON seen.run = seen_run.run AND digest > ?2 AND digest <= ?3
WHERE seen_run.span = ?4 AND seen_run.run BETWEEN ?5 AND ?6 ORDER BY digest, seen_run.run;

-- name: set_run
UPDATE seen_run SET ids = ?, ended_us = ? WHERE run = ?;

-- name: forget_run
DELETE FROM seen_run WHERE run = ?;

-- name: has_kept
SELECT EXISTS (SELECT 1 FROM dedup_kept);

-- name: saved_bytes
SELECT coalesce(sum(length(bits)), 0) FROM seen_filter;

-- name: saved_slices
SELECT slice, bits, checksum FROM seen_filter ORDER BY slice;

-- name: save_slice
INSERT INTO seen_filter (slice, bits, checksum) VALUES (?, ?, ?)
ON CONFLICT (slice) DO UPDATE SET bits = excluded.bits, checksum = excluded.checksum;

-- name: forget_slices
DELETE FROM seen_filter;

-- name: with_id_in_runs
SELECT seen.seq FROM seen_run CROSS JOIN seen ON seen.run = seen_run.run AND digest BETWEEN ? AND ?;

-- name: with_id_in_kept
SELECT seq FROM dedup_kept WHERE digest BETWEEN ? AND ?;

-- name: add_beside
INSERT INTO seen_recent (digest, seq) VALUES (?, ?);

-- name: add_run_of_old
-- A run of the recent ids, in the span of the last one, if they were to become one by now.
INSERT INTO seen_run (span, ids, ended_us)
SELECT coalesce((SELECT span FROM seen_run ORDER BY run DESC LIMIT 1), 0), count(*), state.value
FROM seen_recent JOIN state ON state.name = 'seen_recent_to_us' AND state.value <= ? HAVING count(*) > 0;

-- name: changes
SELECT changes();

-- name: extend_recent
INSERT INTO state (name, value) VALUES ('seen_recent_to_us', ?)
ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value);

-- name: keep_digest
INSERT OR IGNORE INTO dedup_kept (digest, seq) VALUES (?, ?);
