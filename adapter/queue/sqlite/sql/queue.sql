-- Every statement of the SQLite queue, by name. `{rows:3}` and `{list}` stand for as many `(?, ?, ?)` and `?` as there
-- are rows, `{message}` for the columns of an event (message_row.py); data is always bound.

-- name: data_version
PRAGMA data_version;

-- name: sources
SELECT id, name FROM source;

-- name: add_source
INSERT INTO source (name) VALUES (?);

-- name: last_seq
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'message'), 0);

-- name: add_messages
INSERT INTO message
    (seq, source, {message})
VALUES {rows:message};

-- name: open_lanes
INSERT INTO lane (lane, source, head, due_us) VALUES {rows:4} ON CONFLICT (lane) DO NOTHING;

-- name: add_waiting
INSERT INTO waiting (lane, seq) VALUES (?, ?);

-- name: add_waiting_behind_heads
INSERT INTO waiting (lane, seq)
SELECT put.column1, put.column2 FROM (VALUES {rows:2}) AS put JOIN lane ON lane.lane = put.column1
WHERE lane.head <> put.column2;

-- name: stored_body
SELECT body FROM message WHERE seq = ?;

-- name: add_warning
INSERT INTO warning (seq, ingest, mapping) VALUES (?, ?, '[]');

-- name: set_warnings
INSERT INTO warning (seq, ingest, mapping) VALUES (?, '[]', ?)
ON CONFLICT (seq) DO UPDATE SET mapping = excluded.mapping;

-- name: forget_no_warning
DELETE FROM warning WHERE seq = ? AND ingest = '[]' AND mapping = '[]';

-- name: forget_warning
DELETE FROM warning WHERE seq = ?;

-- name: add_failure
INSERT OR REPLACE INTO failure (seq, at_us, call, status, cause, ms) VALUES (?, ?, ?, ?, ?, ?);

-- name: forget_old_failures
DELETE FROM failure WHERE seq = ?1
  AND at_us <= (SELECT at_us FROM failure WHERE seq = ?1 ORDER BY at_us DESC LIMIT 1 OFFSET ?2);

-- name: forget_failures
DELETE FROM failure WHERE seq = ?;

-- name: add_rejection
INSERT INTO rejection (source, reason, message_id, problems, body, received_us, event, kept_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: count
INSERT INTO ledger (source, term, n) VALUES (?, ?, ?) ON CONFLICT (source, term) DO UPDATE SET n = n + excluded.n;

-- name: held
SELECT source.name, held.events, held.bytes FROM held JOIN source ON source.id = held.source;

-- name: hold
INSERT INTO held (source, events, bytes) VALUES (?, ?, ?)
ON CONFLICT (source) DO UPDATE SET events = events + excluded.events, bytes = bytes + excluded.bytes;

-- name: hold_event
-- The event is pending or dead from now on (1), or no longer (-1); its message is there, with its body.
INSERT INTO held (source, events, bytes) SELECT source, ?2, ?2 * (length(body) + 300) FROM message WHERE seq = ?1
ON CONFLICT (source) DO UPDATE SET events = events + excluded.events, bytes = bytes + excluded.bytes;

-- name: dead_without_ids
-- Of a source, among the next dead letters by seq: an event without a user can never be delivered.
SELECT dead.seq, message.source = ?1 AND message.user_id IS NULL AND message.anonymous_id IS NULL
FROM dead JOIN message USING (seq) WHERE dead.seq > ?2 ORDER BY dead.seq LIMIT ?3;

-- name: rejected_bytes
SELECT source, sum(length(body)) FROM rejection GROUP BY source;

-- name: set_state
INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: newest_stamp
SELECT max(at_us) FROM (
    SELECT max(finished_us) AS at_us FROM finished UNION ALL SELECT max(died_us) FROM dead
    UNION ALL SELECT received_us FROM message WHERE seq = (SELECT max(seq) FROM message)
);

-- name: bring_back_finished
UPDATE finished SET finished_us = ?1 WHERE finished_us > ?1 + ?2;

-- name: bring_back_dead
UPDATE dead SET died_us = ?1 WHERE died_us > ?1 + ?2;

-- name: state
SELECT value FROM state WHERE name = ?;

-- name: forget_kept_digest
DELETE FROM dedup_kept WHERE seq = ?;

-- name: forget_kept_digests
DELETE FROM dedup_kept WHERE seq IN ({list});

-- name: heads
-- The first events of some lanes, found by one of the next three statements.
SELECT lane.lane, lane.due_us, lane.head, lane.attempt, lane.retried_us,
       (SELECT json_group_array(key) FROM sent WHERE sent.seq = lane.head),
       source.name, {message.*}, warning.ingest, warning.mapping
FROM ({lanes}) AS due CROSS JOIN lane ON lane.lane = due.lane
CROSS JOIN source ON source.id = lane.source CROSS JOIN message ON message.seq = lane.head
LEFT JOIN warning ON warning.seq = lane.head;

-- name: due_lanes
-- Of the sources ?1 the lanes of priority ?2 that are due by ?3, but not those of ?4, at most ?5, longest due first.
-- SQLite goes through the index source by source, and leaves each at the first row that is due too late for the limit.
SELECT lane FROM lane
WHERE EXISTS (SELECT 1 FROM lane WHERE priority = ?2)
  AND priority = ?2 AND source IN (SELECT value FROM json_each(?1)) AND due_us <= ?3
  AND lane NOT IN (SELECT value FROM json_each(?4))
ORDER BY due_us LIMIT ?5;

-- name: last_due_lanes
-- As due_lanes, shortest due first.
SELECT lane FROM lane
WHERE EXISTS (SELECT 1 FROM lane WHERE priority = ?2)
  AND priority = ?2 AND source IN (SELECT value FROM json_each(?1)) AND due_us <= ?3
  AND lane NOT IN (SELECT value FROM json_each(?4))
ORDER BY due_us DESC LIMIT ?5;

-- name: due_lanes_among
-- As due_lanes, but only lanes of ?6; with ?7 shortest due first.
SELECT lane FROM json_each(?6) AS asked CROSS JOIN lane ON lane.lane = asked.value
WHERE lane NOT IN (SELECT value FROM json_each(?4)) AND source IN (SELECT value FROM json_each(?1))
  AND priority = ?2 AND due_us <= ?3
ORDER BY iif(?7, -due_us, due_us) LIMIT ?5;

-- name: next_due
-- When the next lane of the sources ?1 that is not due by ?2 will be, parked ones aside.
SELECT min((
    SELECT min(due_us) FROM lane WHERE source = source.value AND priority = priority.value AND due_us > ?2
)) FROM json_each('[0, 1, 2, 3]') AS priority CROSS JOIN json_each(?1) AS source
WHERE EXISTS (SELECT 1 FROM lane WHERE priority = priority.value);

-- name: waiting_in
SELECT 1 FROM waiting WHERE lane = ? LIMIT 1;

-- name: sent_of
SELECT key FROM sent WHERE seq = ?;

-- name: add_sent
INSERT OR IGNORE INTO sent (seq, key) VALUES (?, ?);

-- name: forget_sent
DELETE FROM sent WHERE seq = ?;

-- name: forget_sents
DELETE FROM sent WHERE seq IN ({list});

-- name: postpone
-- Without ?1 the lane stays due as it was. With ?4 the event counts among those that failed from now on: `priority` 2 or 3.
UPDATE lane SET due_us = coalesce(?1, due_us), attempt = attempt + ?2, retried_us = retried_us + ?3,
       priority = CASE WHEN ?4 AND priority IN (0, 1) THEN priority + 2 ELSE priority END,
       reason = coalesce(?5, reason), detail = coalesce(?6, detail)
WHERE lane = ?7 AND head = ?8;

-- name: make_due
UPDATE lane SET due_us = ?1 WHERE lane = ?2 AND head = ?3 AND due_us > ?1;

-- name: turn_of
SELECT priority FROM lane WHERE lane = ? AND head = ?;

-- name: open_parked_lane
INSERT INTO lane (lane, source, head, due_us, priority, reason, detail) VALUES (?, ?, ?, ?, -1, ?, ?)
ON CONFLICT (lane) DO NOTHING;

-- name: attempt_of
SELECT attempt FROM lane WHERE lane = ? AND head = ?;

-- name: close_empty_lanes
DELETE FROM lane WHERE lane IN ({list}) AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.lane = lane.lane);

-- name: advance_lanes
UPDATE lane
SET head = (SELECT min(seq) FROM waiting WHERE waiting.lane = lane.lane), due_us = ?, attempt = 0, retried_us = 0,
    reason = '', detail = '',
    priority = CASE WHEN priority > 1 THEN priority - 2 ELSE priority END
WHERE lane IN ({list});

-- name: remove_heads_from_waiting
DELETE FROM waiting WHERE (lane, seq) IN (SELECT lane, head FROM lane WHERE lane IN ({list}));

-- name: add_finished
INSERT INTO finished (seq, outcome, reason, rule, detail, attempt, mapping, finished_us)
SELECT column1, column2, column3, column4, column5, lane.attempt, column6, column7
FROM (VALUES {rows:8}) AS ended JOIN lane ON lane.lane = ended.column8 AND lane.head = ended.column1;

-- name: add_dead
INSERT INTO dead (seq, reason, detail, attempt, mapping, died_us) VALUES (?, ?, ?, ?, ?, ?);

-- name: stored
SELECT source.id, source.name, {message.*}, (SELECT ingest FROM warning WHERE warning.seq = message.seq)
FROM message JOIN source ON source.id = message.source WHERE seq = ?;

-- name: open_lane_behind
INSERT INTO lane (lane, source, head, due_us, priority) VALUES (?, ?, ?, ?, 1) ON CONFLICT (lane) DO NOTHING;

-- name: ledger
SELECT term, sum(n) FROM ledger WHERE term <> 'died' GROUP BY term;

-- name: pending_by_counters
SELECT (SELECT coalesce(sum(events), 0) FROM held) - (SELECT count(*) FROM dead);

-- name: pending
SELECT (SELECT count(*) FROM lane) + (SELECT count(*) FROM waiting);

-- name: oldest_pending
SELECT received_us FROM message WHERE seq = (SELECT min(head) FROM lane);

-- name: pending_sources
SELECT name FROM source WHERE EXISTS (
    SELECT 1 FROM lane WHERE lane.priority IN (-1, 0, 1, 2, 3) AND lane.source = source.id
);

-- name: dead_count
SELECT count(*) FROM dead;

-- name: keep_text
INSERT INTO mapping_text (digest, text) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING;

-- name: last_activation
SELECT id, name, version, digest, at_us, by FROM activation
WHERE name = ? AND version <> '' ORDER BY id DESC LIMIT 1;

-- name: kept_inactive
SELECT id, name, version, digest, at_us, by FROM activation
WHERE name = ? AND digest = ? ORDER BY id DESC LIMIT 1;

-- name: add_activation
INSERT INTO activation (name, version, digest, at_us, by) VALUES (?, ?, ?, ?, ?);

-- name: credit_activation
UPDATE activation SET by = ? WHERE id = ?;

-- name: forget_old_activations
DELETE FROM activation WHERE name = ?1
  AND id <= (SELECT id FROM activation WHERE name = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2);

-- name: forget_unused_texts
DELETE FROM mapping_text WHERE digest NOT IN (SELECT digest FROM activation);

-- name: last_mapping
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE name = ? AND version <> ''
ORDER BY id DESC LIMIT 1;

-- name: mapping
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE version = ? ORDER BY id DESC LIMIT 1;

-- name: keep_limit
INSERT INTO learned (project, per_s, met_at_s) VALUES (?, ?, ?)
ON CONFLICT (project) DO UPDATE SET per_s = excluded.per_s, met_at_s = excluded.met_at_s;

-- name: limit
SELECT per_s, met_at_s FROM learned WHERE project = ?;

-- name: probe
INSERT INTO probe (id, at_us) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us;

-- name: void_far_dues
-- All priorities and sources are named, so that the index leads to the lanes that wait.
UPDATE lane SET due_us = ?1
WHERE priority IN (-1, 0, 1, 2, 3) AND source IN (SELECT id FROM source) AND due_us > ?1 + ?2;

-- name: old_history
SELECT seq FROM finished WHERE finished_us < ?1 ORDER BY finished_us LIMIT ?2;

-- name: oldest_history
SELECT seq FROM finished ORDER BY finished_us LIMIT ?;

-- name: history_since
SELECT min(finished_us) FROM finished;

-- name: remove_oldest_rejections
DELETE FROM rejection WHERE id IN (SELECT id FROM rejection ORDER BY id LIMIT ?);

-- name: last_rejection_beyond
-- SQLite reads no body to tell its length.
SELECT max(id) FROM (
    SELECT id, sum(length(body)) OVER (ORDER BY id DESC) AS bytes FROM rejection WHERE source = ?
) WHERE bytes > ?;

-- name: remove_rejections_to
DELETE FROM rejection WHERE id IN (SELECT id FROM rejection WHERE source = ? AND id <= ? ORDER BY id LIMIT ?);

-- name: page_count
PRAGMA page_count;

-- name: free_count
PRAGMA freelist_count;

-- name: page_size
PRAGMA page_size;

-- name: old_dead
SELECT seq, message.source FROM dead JOIN message USING (seq)
WHERE died_us < ?1 ORDER BY died_us LIMIT ?2;

-- name: remove_finished
DELETE FROM finished WHERE seq = ?;

-- name: remove_dead
DELETE FROM dead WHERE seq = ?;

-- name: remove_message
DELETE FROM message WHERE seq = ?;

-- name: remove_old_rejections
DELETE FROM rejection WHERE id IN (
    SELECT id FROM (SELECT id, coalesce(kept_us, received_us) AS at_us FROM rejection ORDER BY id LIMIT ?2)
    WHERE at_us < ?1
);

-- name: free_pages
PRAGMA incremental_vacuum(256);

-- name: head_of
SELECT head, due_us, attempt, reason, detail FROM lane WHERE lane = ?;

-- name: is_finished
SELECT 1 FROM finished WHERE seq = ?;

-- name: empty_message
UPDATE message SET user_id = NULL, anonymous_id = NULL, body = CAST('{}' AS BLOB), traceparent = NULL WHERE seq = ?;

-- name: remove_waiting
DELETE FROM waiting WHERE lane = ? AND seq = ?;

-- name: add_ended
INSERT INTO finished (seq, outcome, reason, rule, detail, attempt, mapping, finished_us)
VALUES (?, ?, ?, ?, ?, 0, '', ?);

-- name: remove_rejection
DELETE FROM rejection WHERE id = ? RETURNING source;

-- name: waiting_deletions
SELECT source.name, count(*) FROM rejection CROSS JOIN source ON source.id = rejection.source
WHERE reason = ? GROUP BY 1 ORDER BY 1;

-- name: add_deletion
INSERT INTO deletion (seq, source, user_id, message_id, received_us) VALUES (?, ?, ?, ?, ?);

-- name: open_deletions
SELECT deletion.seq, source.name, user_id, message_id, received_us, events, rejections, done_us
FROM deletion INDEXED BY deletion_open CROSS JOIN source ON source.id = deletion.source
WHERE deletion.done_us IS NULL AND deletion.seq > ? ORDER BY deletion.seq LIMIT ?;

-- name: in_lanes
-- Of four lanes the heads, and what waits behind them, that a user's request found there.
SELECT seq FROM message
WHERE seq IN (
    SELECT head FROM lane WHERE lane IN (?1, ?2, ?3, ?4)
    UNION ALL SELECT seq FROM waiting WHERE lane IN (?1, ?2, ?3, ?4) AND seq < ?5
) AND seq < ?5 AND ?6 IN (user_id, anonymous_id) ORDER BY seq LIMIT ?7;

-- name: asked_between
-- Of a window of seqs those that an open request names, and the first request that does. Requests stay.
SELECT message.seq, min(deletion.seq)
FROM message CROSS JOIN deletion
  ON deletion.source = message.source AND deletion.user_id IN (message.user_id, message.anonymous_id)
WHERE message.seq >= ? AND message.seq < ? AND message.type <> 'delete'
  AND deletion.done_us IS NULL AND deletion.seq > message.seq
GROUP BY message.seq;

-- name: first_message
SELECT coalesce(min(seq), 0) FROM message;

-- name: rejections_from
SELECT rejection.id, source.name, body, received_us
FROM rejection CROSS JOIN source ON source.id = rejection.source
WHERE rejection.id > ? ORDER BY rejection.id LIMIT ?;

-- name: count_deleted
UPDATE deletion SET events = events + ?, rejections = rejections + ? WHERE seq = ?;

-- name: end_deletion
UPDATE deletion SET done_us = ? WHERE seq = ?
RETURNING seq, (SELECT name FROM source WHERE id = deletion.source), user_id, message_id, received_us,
          events, rejections, done_us;

-- name: remove_old_deletions
DELETE FROM deletion WHERE seq IN (
    SELECT seq FROM (SELECT seq, done_us FROM deletion ORDER BY seq LIMIT ?2) WHERE done_us < ?1
);

-- name: add_growth
INSERT INTO sample (source, minute, term, n)
SELECT ledger.source, ?1, ledger.term, ledger.n - coalesce(sampled.n, 0)
FROM ledger LEFT JOIN sampled USING (source, term) WHERE ledger.n <> coalesce(sampled.n, 0)
ON CONFLICT (source, minute, term) DO UPDATE SET n = n + excluded.n;

-- name: add_growth_of_all
INSERT INTO sample (source, minute, term, n)
SELECT ?2, ?1, ledger.term, sum(ledger.n - coalesce(sampled.n, 0))
FROM ledger LEFT JOIN sampled USING (source, term) WHERE ledger.n <> coalesce(sampled.n, 0) GROUP BY ledger.term
ON CONFLICT (source, minute, term) DO UPDATE SET n = n + excluded.n;

-- name: set_sampled
INSERT INTO sampled (source, term, n) SELECT source, term, n FROM ledger WHERE true
ON CONFLICT (source, term) DO UPDATE SET n = excluded.n WHERE n <> excluded.n;

-- name: set_backlog
INSERT INTO backlog (minute, pending) VALUES (?, ?)
ON CONFLICT (minute) DO UPDATE SET pending = excluded.pending WHERE pending <> excluded.pending;

-- name: set_pace
INSERT INTO pace (minute, project, per_s, limit_per_s) VALUES (?, ?, ?, ?)
ON CONFLICT (minute, project) DO UPDATE SET per_s = excluded.per_s, limit_per_s = excluded.limit_per_s
WHERE per_s <> excluded.per_s OR limit_per_s IS NOT excluded.limit_per_s;

-- name: looks
SELECT backlog.minute, backlog.pending, coalesce(sum(pace.per_s), 0.0),
    CASE WHEN count(pace.limit_per_s) = count(*) THEN sum(pace.limit_per_s) END
FROM backlog LEFT JOIN pace USING (minute) WHERE backlog.minute >= ? AND backlog.minute < ?
GROUP BY backlog.minute ORDER BY backlog.minute;

-- name: growth
SELECT minute, term, n FROM sample WHERE source = ? AND minute >= ? AND minute < ?;

-- name: growth_of
SELECT minute, term, n FROM sample WHERE source = (SELECT id FROM source WHERE name = ?) AND minute >= ? AND minute < ?;

-- name: forget_growth
-- The key begins with the source, so each is named.
DELETE FROM sample WHERE source IN (SELECT id FROM source UNION ALL SELECT ?2) AND minute < ?1;

-- name: forget_backlog
DELETE FROM backlog WHERE minute < ?;

-- name: forget_pace
DELETE FROM pace WHERE minute < ?;
