-- Every statement of the PostgreSQL queue, by name. `{message.*}` and `{message}` stand for the columns of an event
-- (message_row.py); data is always bound.

-- name: source
SELECT id FROM source WHERE name = %(name)s;

-- name: add_source
INSERT INTO source (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING;

-- name: put
-- New events among `digests`, which are unlike each other. Of two replicas that store one id at once the second waits
-- for the first at the primary key of `seen`, and then finds it there. Around midnight an id is noted on both days, so
-- that two clocks cannot make two events of it. Lanes are opened or locked in the order of their numbers, in one pass:
-- a settle that closes one of them waits, or is waited for.
WITH incoming AS MATERIALIZED (
    SELECT * FROM unnest(
        %(digests)s::bytea[], %(lanes)s::bigint[], %(ends)s::boolean[], %(sources)s::int[], %(message_ids)s::bytea[],
        %(types)s::bytea[], %(user_ids)s::bytea[], %(anonymous_ids)s::bytea[], %(timestamps_us)s::bigint[],
        %(received_us)s::bigint[], %(bodies)s::bytea[], %(traceparents)s::text[]
    ) WITH ORDINALITY AS i (
        digest, lane, ends, source, message_id, type, user_id, anonymous_id, timestamp_us, received_us, body,
        traceparent, place
    )
), numbered AS MATERIALIZED (
    SELECT nextval('seq') AS seq, new.* FROM (
        SELECT * FROM incoming AS i
        WHERE NOT EXISTS (
            SELECT 1 FROM seen WHERE seen.digest = i.digest AND (seen.day >= %(first_day)s OR (
                EXISTS (SELECT 1 FROM message WHERE message.seq = seen.seq)
                AND NOT EXISTS (SELECT 1 FROM finished WHERE finished.seq = seen.seq)
            ))
        ) AND NOT EXISTS (SELECT 1 FROM dedup_kept WHERE dedup_kept.digest = i.digest)
        ORDER BY place
    ) AS new
), noted AS (
    INSERT INTO seen (digest, day, seq)
    SELECT digest, day, seq FROM numbered CROSS JOIN unnest(%(days)s::int[]) AS day ORDER BY digest, day
    ON CONFLICT DO NOTHING RETURNING seq
), fresh AS MATERIALIZED (
    SELECT seq FROM noted GROUP BY seq HAVING count(*) = cardinality(%(days)s::int[])
), stored AS (
    INSERT INTO message (seq, source, {message})
    SELECT seq, source, {message} FROM numbered JOIN fresh USING (seq)
), opened AS (
    INSERT INTO lane AS l (lane, source, head, due_us)
    SELECT DISTINCT ON (lane) lane, source, seq, %(now_us)s::bigint
    FROM numbered JOIN fresh USING (seq) WHERE NOT ends ORDER BY lane, seq
    ON CONFLICT (lane) DO UPDATE SET attempt = l.attempt RETURNING lane, head
), behind AS (
    INSERT INTO waiting (lane, seq)
    SELECT lane, seq FROM numbered JOIN fresh USING (seq) JOIN opened USING (lane)
    WHERE NOT ends AND opened.head <> seq
)
SELECT digest, seq FROM numbered JOIN fresh USING (seq);

-- name: seqs_seen
-- The events of ids that are known, the last one of each; a number below 0 is that of a rejection.
SELECT digest, seq FROM dedup_kept WHERE digest = ANY(%(digests)s::bytea[])
UNION ALL
SELECT * FROM (SELECT digest, seq FROM seen WHERE digest = ANY(%(digests)s::bytea[]) ORDER BY day) AS last;

-- name: bodies
SELECT seq, body FROM message WHERE seq = ANY(%(seqs)s::bigint[]);

-- name: note_copies
INSERT INTO seen (digest, day, seq)
SELECT digest, %(day)s::int, seq FROM unnest(%(digests)s::bytea[], %(seqs)s::bigint[]) AS copy (digest, seq)
ORDER BY digest ON CONFLICT DO NOTHING;

-- name: rejection_numbers
SELECT nextval('rejection_number') FROM generate_series(1, %(count)s::int);

-- name: add_rejections
INSERT INTO rejection (id, source, reason, message_id, problems, body, received_us, event, kept_us)
SELECT *, %(now_us)s::bigint FROM unnest(
    %(ids)s::bigint[], %(sources)s::int[], %(reasons)s::text[], %(message_ids)s::bytea[], %(problems)s::text[],
    %(bodies)s::bytea[], %(received_us)s::bigint[], %(events)s::text[]
);

-- name: add_warnings
INSERT INTO warning (seq, ingest, mapping)
SELECT seq, ingest, '[]' FROM unnest(%(seqs)s::bigint[], %(warnings)s::text[]) AS w (seq, ingest);

-- name: set_warnings
INSERT INTO warning (seq, ingest, mapping) VALUES (%(seq)s, '[]', %(warnings)s)
ON CONFLICT (seq) DO UPDATE SET mapping = excluded.mapping;

-- name: add_failure
INSERT INTO failure (seq, at_us, call, status, cause, ms)
VALUES (%(seq)s, %(at_us)s, %(call)s, %(status)s, %(cause)s, %(ms)s)
ON CONFLICT (seq, at_us) DO UPDATE
SET call = excluded.call, status = excluded.status, cause = excluded.cause, ms = excluded.ms;

-- name: forget_old_failures
DELETE FROM failure WHERE seq = %(seq)s AND at_us <= (
    SELECT at_us FROM failure WHERE seq = %(seq)s ORDER BY at_us DESC LIMIT 1 OFFSET %(most)s
);

-- name: forget_no_warning
DELETE FROM warning WHERE seq = %(seq)s AND ingest = '[]' AND mapping = '[]';

-- name: add_deletion
INSERT INTO deletion (seq, source, user_id, message_id, received_us)
VALUES (%(seq)s, %(source)s, %(user)s, %(message_id)s, %(received_us)s);

-- name: add_ended
INSERT INTO finished (seq, outcome, reason, rule, detail, attempt, mapping, finished_us)
VALUES (%(seq)s, 'dropped', %(reason)s, %(rule)s, %(detail)s, 0, '', %(now_us)s);

-- name: count
WITH counted AS (
    INSERT INTO ledger (source, term, n)
    SELECT * FROM unnest(%(sources)s::int[], %(terms)s::text[], %(counts)s::bigint[])
)
INSERT INTO held (source, events, bytes)
SELECT * FROM unnest(%(holders)s::int[], %(events)s::bigint[], %(bytes)s::bigint[]);

-- name: hold_event
-- The event is pending or dead from now on (1), or no longer (-1); its message is there, with its body.
INSERT INTO held (source, events, bytes)
SELECT source, %(n)s::int, %(n)s::int * (length(body) + 300) FROM message WHERE seq = %(seq)s;

-- name: count_one
INSERT INTO ledger (source, term, n) VALUES (%(source)s, %(term)s, %(n)s);

-- name: held
SELECT source.name, sum(held.events)::bigint, sum(held.bytes)::bigint
FROM held JOIN source ON source.id = held.source GROUP BY 1;

-- name: fold_ledger
WITH gone AS (DELETE FROM ledger RETURNING source, term, n)
INSERT INTO ledger (source, term, n) SELECT source, term, sum(n) FROM gone GROUP BY 1, 2;

-- name: fold_held
WITH gone AS (DELETE FROM held RETURNING source, events, bytes)
INSERT INTO held (source, events, bytes) SELECT source, sum(events), sum(bytes) FROM gone GROUP BY 1;

-- name: probe
INSERT INTO probe (id, at_us) VALUES (1, %(now_us)s) ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us;

-- name: heads
-- The heads of the sources and priority that are due, from `start_us` on (marks.py), and not busy, longest due first.
SELECT lane.lane, lane.due_us, lane.head, lane.attempt, lane.retried_us,
       ARRAY(SELECT key FROM sent WHERE sent.seq = lane.head),
       source.name, {message.*}, warning.ingest, warning.mapping
FROM (
    SELECT due.lane FROM unnest(%(sources)s::int[]) AS asked CROSS JOIN LATERAL (
        SELECT lane, due_us FROM lane
        WHERE priority = %(priority)s AND source = asked AND due_us BETWEEN %(start_us)s AND %(now_us)s
          AND lane <> ALL(%(busy)s::bigint[])
        ORDER BY due_us {newest} LIMIT %(limit)s
    ) AS due ORDER BY due_us {newest} LIMIT %(limit)s
) AS due JOIN lane USING (lane)
JOIN source ON source.id = lane.source JOIN message ON message.seq = lane.head
LEFT JOIN warning ON warning.seq = lane.head
ORDER BY lane.due_us {newest};

-- name: heads_among
-- As heads, but only of some lanes.
SELECT lane.lane, lane.due_us, lane.head, lane.attempt, lane.retried_us,
       ARRAY(SELECT key FROM sent WHERE sent.seq = lane.head),
       source.name, {message.*}, warning.ingest, warning.mapping
FROM (
    SELECT lane FROM lane
    WHERE lane = ANY(%(among)s::bigint[]) AND lane <> ALL(%(busy)s::bigint[]) AND source = ANY(%(sources)s::int[])
      AND priority = %(priority)s AND due_us <= %(now_us)s
    ORDER BY due_us {newest} LIMIT %(limit)s
) AS due JOIN lane USING (lane)
JOIN source ON source.id = lane.source JOIN message ON message.seq = lane.head
LEFT JOIN warning ON warning.seq = lane.head
ORDER BY lane.due_us {newest};

-- name: next_due
-- When the next lane of the sources that is not due yet will be, parked ones aside.
SELECT min(due.due_us) FROM unnest(%(sources)s::int[]) AS asked CROSS JOIN generate_series(0, 3) AS turn
CROSS JOIN LATERAL (
    SELECT due_us FROM lane WHERE priority = turn AND source = asked AND due_us > %(now_us)s ORDER BY due_us LIMIT 1
) AS due;

-- name: is_waited_for
SELECT 1 FROM waiting WHERE lane = %(lane)s LIMIT 1;

-- name: sent_of
SELECT seq, key FROM sent WHERE seq = ANY(%(seqs)s::bigint[]) ORDER BY seq, key;

-- name: add_sent
INSERT INTO sent (seq, key) VALUES (%(seq)s, %(key)s) ON CONFLICT DO NOTHING;

-- name: lock_lanes
-- A statement of its own: what is behind a lane is read by the next one, which sees what was committed before the lock.
SELECT lane, head, attempt, priority FROM lane WHERE lane = ANY(%(lanes)s::bigint[]) ORDER BY lane FOR UPDATE;

-- name: finish
WITH ended AS (
    INSERT INTO finished (seq, outcome, reason, rule, detail, attempt, mapping, finished_us)
    SELECT *, %(now_us)s::bigint FROM unnest(
        %(seqs)s::bigint[], %(outcomes)s::text[], %(reasons)s::text[], %(rules)s::text[], %(details)s::text[],
        %(attempts)s::int[], %(mappings)s::text[]
    )
), unsent AS (
    DELETE FROM sent WHERE seq = ANY(%(noted)s::bigint[])
)
DELETE FROM dedup_kept WHERE seq = ANY(%(seqs)s::bigint[]);

-- name: advance
-- The next of each lane comes up, at the end of the line, or the lane goes; the lanes are locked.
WITH next AS MATERIALIZED (
    SELECT lane, min(seq) AS seq FROM waiting WHERE lane = ANY(%(lanes)s::bigint[]) GROUP BY lane
), up AS (
    DELETE FROM waiting USING next WHERE waiting.lane = next.lane AND waiting.seq = next.seq
), moved AS (
    UPDATE lane SET head = next.seq, due_us = %(now_us)s, attempt = 0, retried_us = 0, reason = '', detail = '',
           priority = CASE WHEN priority > 1 THEN priority - 2 ELSE priority END
    FROM next WHERE lane.lane = next.lane
)
DELETE FROM lane WHERE lane = ANY(%(lanes)s::bigint[]) AND NOT EXISTS (SELECT 1 FROM next WHERE next.lane = lane.lane);

-- name: postpone
-- Who falls back counts among those that failed from now on: `priority` 2 or 3.
UPDATE lane SET due_us = coalesce(p.due_us, lane.due_us), attempt = lane.attempt + p.counted, retried_us = retried_us + p.counted_us,
       priority = CASE WHEN p.falls_back AND priority IN (0, 1) THEN priority + 2 ELSE priority END,
       reason = coalesce(p.reason, lane.reason), detail = coalesce(p.detail, lane.detail)
FROM unnest(
    %(lanes)s::bigint[], %(dues_us)s::bigint[], %(counted)s::int[], %(counted_us)s::bigint[], %(fall_back)s::boolean[],
    %(reasons)s::text[], %(details)s::text[]
) AS p (lane, due_us, counted, counted_us, falls_back, reason, detail)
WHERE lane.lane = p.lane;

-- name: park
-- Opens the lanes of parked events, or locks them; whose head another event is, waits behind it.
WITH parked AS MATERIALIZED (
    SELECT * FROM unnest(
        %(lanes)s::bigint[], %(sources)s::int[], %(seqs)s::bigint[], %(received_us)s::bigint[], %(reasons)s::text[],
        %(details)s::text[]
    ) AS p (lane, source, seq, received_us, reason, detail)
), opened AS (
    INSERT INTO lane AS l (lane, source, head, due_us, priority, reason, detail)
    SELECT lane, source, seq, received_us, -1, reason, detail FROM parked ORDER BY lane
    ON CONFLICT (lane) DO UPDATE SET attempt = l.attempt RETURNING lane, head
)
INSERT INTO waiting (lane, seq) SELECT lane, seq FROM parked JOIN opened USING (lane) WHERE head <> seq;

-- name: add_dead
INSERT INTO dead (seq, reason, detail, attempt, mapping, died_us)
SELECT *, %(now_us)s::bigint FROM unnest(
    %(seqs)s::bigint[], %(reasons)s::text[], %(details)s::text[], %(attempts)s::int[], %(mappings)s::text[]
);

-- name: make_due
UPDATE lane SET due_us = %(now_us)s FROM unnest(%(lanes)s::bigint[], %(heads)s::bigint[]) AS asked (lane, head)
WHERE lane.lane = asked.lane AND lane.head = asked.head AND due_us > %(now_us)s;

-- name: remove_dead
DELETE FROM dead WHERE seq = ANY(%(seqs)s::bigint[]) RETURNING seq;

-- name: join_lanes
-- Requeued events: next of their lanes' waiting, or a lane of their own behind live traffic.
WITH requeued AS MATERIALIZED (
    SELECT * FROM unnest(%(lanes)s::bigint[], %(sources)s::int[], %(seqs)s::bigint[], %(dues_us)s::bigint[])
        AS r (lane, source, seq, due_us)
), opened AS (
    INSERT INTO lane AS l (lane, source, head, due_us, priority)
    SELECT DISTINCT ON (lane) lane, source, seq, due_us, 1 FROM requeued ORDER BY lane, seq
    ON CONFLICT (lane) DO UPDATE SET attempt = l.attempt RETURNING lane, head
)
INSERT INTO waiting (lane, seq) SELECT lane, seq FROM requeued JOIN opened USING (lane) WHERE head <> seq;

-- name: stored
SELECT message.seq, source.id, source.name, {message.*},
       (SELECT ingest FROM warning WHERE warning.seq = message.seq)
FROM message JOIN source ON source.id = message.source WHERE seq = ANY(%(seqs)s::bigint[]) ORDER BY seq;

-- name: ledger
SELECT term, sum(n)::bigint FROM ledger WHERE term <> 'died' GROUP BY term;

-- name: pending_by_counters
SELECT (SELECT coalesce(sum(events), 0) FROM held)::bigint - (SELECT count(*) FROM dead);

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

-- name: waiting_deletions
SELECT source.name, count(*) FROM rejection JOIN source ON source.id = rejection.source
WHERE reason = %(reason)s GROUP BY 1 ORDER BY 1;

-- name: keep_text
INSERT INTO mapping_text (digest, text) VALUES (%(digest)s, %(text)s) ON CONFLICT (digest) DO NOTHING;

-- name: last_activation
SELECT id, name, version, digest, at_us, by FROM activation
WHERE name = %(name)s AND version <> '' ORDER BY id DESC LIMIT 1;

-- name: kept_inactive
SELECT id, name, version, digest, at_us, by FROM activation
WHERE name = %(name)s AND digest = %(digest)s ORDER BY id DESC LIMIT 1;

-- name: add_activation
INSERT INTO activation (name, version, digest, at_us, by)
VALUES (%(name)s, %(version)s, %(digest)s, %(now_us)s, %(by)s);

-- name: credit_activation
UPDATE activation SET by = %(by)s WHERE id = %(id)s;

-- name: forget_old_activations
DELETE FROM activation WHERE name = %(name)s AND id <= (
    SELECT id FROM activation WHERE name = %(name)s ORDER BY id DESC LIMIT 1 OFFSET %(most)s
);

-- name: forget_unused_texts
DELETE FROM mapping_text WHERE digest NOT IN (SELECT digest FROM activation);

-- name: last_mapping
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE name = %(key)s AND version <> ''
ORDER BY id DESC LIMIT 1;

-- name: mapping
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE version = %(key)s ORDER BY id DESC LIMIT 1;

-- name: keep_limit
INSERT INTO learned (project, per_s, met_at_s) VALUES (%(project)s, %(per_s)s, %(met_at_s)s)
ON CONFLICT (project) DO UPDATE SET per_s = excluded.per_s, met_at_s = excluded.met_at_s;

-- name: limit
SELECT per_s, met_at_s FROM learned WHERE project = %(project)s;

-- name: set_state
INSERT INTO state (name, value) VALUES (%(name)s, %(value)s) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: state
SELECT value FROM state WHERE name = %(name)s;

-- name: prune_history
-- Rows are locked before their messages go: an operator may be requeueing an unmatched event, which needs its message.
WITH old AS MATERIALIZED (
    SELECT seq FROM finished WHERE finished_us < %(before_us)s ORDER BY finished_us LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), unwarned AS (
    DELETE FROM warning WHERE seq IN (SELECT seq FROM old)
), unfailed AS (
    DELETE FROM failure WHERE seq IN (SELECT seq FROM old)
), unsent AS (
    -- A replica without its claim may have noted a call after the event had ended elsewhere.
    DELETE FROM sent WHERE seq IN (SELECT seq FROM old)
), unkept AS (
    -- The event may have ended while its day was dropped.
    DELETE FROM dedup_kept WHERE seq IN (SELECT seq FROM old)
), gone AS (
    DELETE FROM message WHERE seq IN (SELECT seq FROM old)
)
DELETE FROM finished WHERE seq IN (SELECT seq FROM old);

-- name: old_dead
SELECT seq FROM dead WHERE died_us < %(before_us)s ORDER BY died_us LIMIT %(limit)s;

-- name: discard
WITH gone AS MATERIALIZED (
    DELETE FROM dead WHERE seq = ANY(%(seqs)s::bigint[]) RETURNING seq
), freed AS (
    INSERT INTO held (source, events, bytes)
    SELECT source, -1, -(length(body) + 300) FROM message JOIN gone USING (seq)
), counted AS (
    INSERT INTO ledger (source, term, n) SELECT source, 'discarded', count(*) FROM message JOIN gone USING (seq) GROUP BY 1
), unwarned AS (
    DELETE FROM warning WHERE seq IN (SELECT seq FROM gone)
), unfailed AS (
    DELETE FROM failure WHERE seq IN (SELECT seq FROM gone)
), unsent AS (
    DELETE FROM sent WHERE seq IN (SELECT seq FROM gone)
), unkept AS (
    DELETE FROM dedup_kept WHERE seq IN (SELECT seq FROM gone)
)
DELETE FROM message WHERE seq IN (SELECT seq FROM gone);

-- name: dead_without_ids
-- Of a source, among the next dead letters by seq: an event without a user can never be delivered.
SELECT dead.seq, source.name = %(source)s AND message.user_id IS NULL AND message.anonymous_id IS NULL
FROM dead JOIN message USING (seq) JOIN source ON source.id = message.source
WHERE dead.seq > %(after)s ORDER BY dead.seq LIMIT %(limit)s;

-- name: remove_old_rejections
DELETE FROM rejection WHERE id IN (
    SELECT id FROM (SELECT id, kept_us FROM rejection ORDER BY id LIMIT %(limit)s) AS first
    WHERE kept_us < %(before_us)s
);

-- name: remove_old_deletions
DELETE FROM deletion WHERE seq IN (
    SELECT seq FROM (SELECT seq, done_us FROM deletion ORDER BY seq LIMIT %(limit)s) AS first
    WHERE done_us < %(before_us)s
);

-- name: rejected_bytes
SELECT source, sum(length(body))::bigint FROM rejection GROUP BY source;

-- name: last_rejection_beyond
SELECT max(id) FROM (
    SELECT id, sum(length(body)) OVER (ORDER BY id DESC) AS bytes FROM rejection WHERE source = %(source)s
) AS sums WHERE bytes > %(most)s;

-- name: remove_rejections_to
DELETE FROM rejection
WHERE id IN (SELECT id FROM rejection WHERE source = %(source)s AND id <= %(last)s ORDER BY id LIMIT %(limit)s);

-- name: remove_rejection
DELETE FROM rejection WHERE id = ANY(%(ids)s::bigint[]) RETURNING id, source;

-- name: days_seen
SELECT substr(c.relname, 6)::int FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
WHERE inhparent = 'seen'::regclass;

-- name: lock_days
SELECT pg_advisory_xact_lock('seen'::regclass::oid::bigint);

-- name: keep_unfinished
-- A page of the ids of a day that is about to go; of none more: NULL.
WITH page AS MATERIALIZED (
    SELECT digest, seq FROM seen WHERE day = %(day)s AND digest > %(after)s ORDER BY digest LIMIT %(limit)s
), kept AS (
    INSERT INTO dedup_kept (digest, seq)
    SELECT digest, seq FROM page
    WHERE EXISTS (SELECT 1 FROM message WHERE message.seq = page.seq)
      AND NOT EXISTS (SELECT 1 FROM finished WHERE finished.seq = page.seq)
    ON CONFLICT DO NOTHING
)
SELECT digest FROM page ORDER BY digest DESC LIMIT 1;

-- name: with_id
SELECT seq FROM seen WHERE digest BETWEEN %(first)s AND %(last)s
UNION SELECT seq FROM dedup_kept WHERE digest BETWEEN %(first)s AND %(last)s;

-- name: keep_digest
INSERT INTO dedup_kept (digest, seq) VALUES (%(digest)s, %(seq)s) ON CONFLICT DO NOTHING;

-- name: note_digest
-- Changes nothing if an event with this id is there; a number below 0 is that of a rejection.
INSERT INTO seen (digest, day, seq) VALUES (%(digest)s, %(day)s, %(seq)s)
ON CONFLICT (digest, day) DO UPDATE SET seq = excluded.seq WHERE seen.seq < 0;

-- name: next_seq
SELECT nextval('seq');

-- name: add_message
INSERT INTO message (seq, source, {message})
VALUES (%(seq)s, %(source)s, %(message_id)s, %(type)s, %(user_id)s, %(anonymous_id)s, %(timestamp_us)s, %(received_us)s,
        %(body)s, %(traceparent)s);

-- name: is_finished
SELECT 1 FROM finished WHERE seq = %(seq)s;

-- name: empty_message
UPDATE message SET user_id = NULL, anonymous_id = NULL, body = '{}'::bytea, traceparent = NULL WHERE seq = %(seq)s;

-- name: remove_waiting
DELETE FROM waiting WHERE lane = %(lane)s AND seq = %(seq)s;

-- name: forget_event_facts
WITH unsent AS (DELETE FROM sent WHERE seq = %(seq)s), unkept AS (DELETE FROM dedup_kept WHERE seq = %(seq)s),
     unfailed AS (DELETE FROM failure WHERE seq = %(seq)s)
DELETE FROM warning WHERE seq = %(seq)s;

-- name: open_deletions
SELECT deletion.seq, source.name, user_id, message_id, received_us, events, rejections, done_us
FROM deletion JOIN source ON source.id = deletion.source
WHERE deletion.done_us IS NULL AND deletion.seq > %(after)s ORDER BY deletion.seq LIMIT %(limit)s;

-- name: in_lanes
-- Of a user's lanes the heads, and what waits behind them, that a request found there.
SELECT seq FROM message
WHERE seq IN (
    SELECT head FROM lane WHERE lane = ANY(%(lanes)s::bigint[])
    UNION ALL SELECT seq FROM waiting WHERE lane = ANY(%(lanes)s::bigint[]) AND seq < %(before)s
) AND seq < %(before)s AND %(user)s IN (user_id, anonymous_id) ORDER BY seq LIMIT %(limit)s;

-- name: asked_between
-- Of a window of seqs those that an open request names, and the first request that does. Requests stay.
SELECT message.seq, min(deletion.seq)
FROM message JOIN deletion
  ON deletion.source = message.source AND deletion.user_id IN (message.user_id, message.anonymous_id)
WHERE message.seq >= %(start)s AND message.seq < %(stop)s AND message.type <> 'delete'::bytea
  AND deletion.done_us IS NULL AND deletion.seq > message.seq
  AND deletion.source IN (SELECT id FROM source WHERE name = ANY(%(sources)s::text[]))
GROUP BY message.seq;

-- name: first_message
SELECT coalesce(min(seq), 0) FROM message;

-- name: rejections_from
SELECT rejection.id, source.name, body, received_us
FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id > %(after)s ORDER BY rejection.id LIMIT %(limit)s;

-- name: count_deleted
UPDATE deletion SET events = events + %(events)s, rejections = rejections + %(rejections)s WHERE seq = %(seq)s;

-- name: end_deletions
UPDATE deletion SET done_us = %(now_us)s FROM source
WHERE seq = ANY(%(seqs)s::bigint[]) AND source.id = deletion.source
RETURNING seq, source.name, user_id, message_id, received_us, events, rejections, done_us;

-- name: putting
-- The transactions that are storing messages now: each drew its numbers after it took this lock.
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'message'::regclass AND mode = 'RowExclusiveLock'
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid();

-- name: still_putting
-- Who they are, and for how many seconds they have been open. A prepared transaction has no process.
SELECT lock.pid, coalesce(nullif(application_name, ''), 'unknown program'),
       coalesce(extract(epoch FROM clock_timestamp() - xact_start)::int, 0)
FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
WHERE locktype = 'relation' AND relation = 'message'::regclass AND mode = 'RowExclusiveLock'
  AND virtualtransaction = ANY(%(transactions)s::text[]);

-- name: add_claims
INSERT INTO claim (name) SELECT unnest(%(names)s::text[]) ON CONFLICT DO NOTHING;

-- name: claims
SELECT name, holder, epoch, beat, released FROM claim WHERE name = ANY(%(names)s::text[]) ORDER BY name;

-- name: all_claims
SELECT name, holder, epoch, beat, released FROM claim;

-- name: lineage
-- A number that is another one after each promotion of a standby, and for each cluster. Some servers do not say.
SELECT hashtextextended(system_identifier || left(pg_walfile_name(pg_current_wal_lsn()), 8), 0) FROM pg_control_system();

-- name: lock_claims
-- Claims that are as they were seen and that no transaction has locked, in the order of their names.
SELECT claim.name FROM claim
JOIN unnest(%(names)s::text[], %(epochs)s::bigint[], %(beats)s::bigint[]) AS seen (name, epoch, beat) USING (name, epoch, beat)
ORDER BY claim.name FOR UPDATE OF claim SKIP LOCKED;

-- name: acquire
UPDATE claim SET holder = %(holder)s, epoch = epoch + 1, beat = 0, released = FALSE
WHERE name = ANY(%(names)s::text[]) RETURNING name, epoch;

-- name: renew
UPDATE claim SET beat = beat + 1
FROM unnest(%(names)s::text[], %(epochs)s::bigint[]) AS mine (name, epoch)
WHERE claim.name = mine.name AND claim.epoch = mine.epoch AND holder = %(holder)s RETURNING claim.name;

-- name: release
UPDATE claim SET released = TRUE
FROM unnest(%(names)s::text[], %(epochs)s::bigint[]) AS mine (name, epoch)
WHERE claim.name = mine.name AND claim.epoch = mine.epoch AND holder = %(holder)s;

-- name: note_replica
-- Those that were not seen for long go; one that another replica has locked says just now that it is there.
WITH gone AS (
    DELETE FROM replica WHERE holder IN (
        SELECT holder FROM replica WHERE seen_at < clock_timestamp() - make_interval(secs => %(live_s)s)
        AND holder <> %(holder)s FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO replica (holder, delivers, seen_at, facts) VALUES (%(holder)s, %(delivers)s, clock_timestamp(), %(facts)s)
ON CONFLICT (holder) DO UPDATE SET seen_at = excluded.seen_at, facts = excluded.facts;

-- name: live_replicas
SELECT holder, delivers, facts FROM replica
WHERE seen_at > clock_timestamp() - make_interval(secs => %(live_s)s) ORDER BY holder <> %(holder)s, holder;

-- name: forget_replica
DELETE FROM replica WHERE holder = %(holder)s;

-- name: forget_replicas
DELETE FROM replica WHERE holder IN (
    SELECT holder FROM replica WHERE holder = ANY(%(holders)s::text[]) FOR UPDATE SKIP LOCKED
);

-- name: fence
SELECT claim.name FROM claim
JOIN unnest(%(names)s::text[], %(epochs)s::bigint[]) AS mine (name, epoch) USING (name, epoch)
WHERE holder = %(holder)s ORDER BY claim.name FOR SHARE OF claim;

-- name: lock_upkeep
SELECT pg_try_advisory_xact_lock('message'::regclass::oid::bigint);

-- name: server_time
SELECT extract(epoch FROM clock_timestamp())::float8;

-- name: add_growth
WITH counted AS (SELECT source, term, sum(n)::bigint AS n FROM ledger GROUP BY 1, 2),
growth AS (
    SELECT source, term, counted.n - coalesce(sampled.n, 0) AS n FROM counted LEFT JOIN sampled USING (source, term)
    WHERE counted.n <> coalesce(sampled.n, 0)
),
kept AS (
    INSERT INTO sampled AS before (source, term, n) SELECT counted.* FROM counted JOIN growth USING (source, term)
    ON CONFLICT (source, term) DO UPDATE SET n = excluded.n
)
INSERT INTO sample AS earlier (source, minute, term, n)
SELECT source, %(minute)s, term, n FROM growth
UNION ALL SELECT %(of_all)s, %(minute)s, term, sum(n)::bigint FROM growth GROUP BY term
ON CONFLICT (source, minute, term) DO UPDATE SET n = earlier.n + excluded.n;

-- name: set_backlog
INSERT INTO backlog AS earlier (minute, pending) VALUES (%(minute)s, %(pending)s)
ON CONFLICT (minute) DO UPDATE SET pending = excluded.pending WHERE earlier.pending <> excluded.pending;

-- name: set_pace
INSERT INTO pace AS earlier (minute, project, per_s, limit_per_s)
VALUES (%(minute)s, %(project)s, %(per_s)s, %(limit_per_s)s)
ON CONFLICT (minute, project) DO UPDATE SET per_s = excluded.per_s, limit_per_s = excluded.limit_per_s
WHERE (earlier.per_s, earlier.limit_per_s) IS DISTINCT FROM (excluded.per_s, excluded.limit_per_s);

-- name: looks
SELECT backlog.minute, backlog.pending, coalesce(sum(pace.per_s), 0.0),
    CASE WHEN count(pace.limit_per_s) = count(*) THEN sum(pace.limit_per_s) END
FROM backlog LEFT JOIN pace USING (minute) WHERE backlog.minute >= %(since)s AND backlog.minute < %(until)s
GROUP BY backlog.minute ORDER BY backlog.minute;

-- name: growth
SELECT minute, term, n FROM sample WHERE source = %(of_all)s AND minute >= %(since)s AND minute < %(until)s;

-- name: growth_of
SELECT minute, term, n FROM sample
WHERE source = (SELECT id FROM source WHERE name = %(source)s) AND minute >= %(since)s AND minute < %(until)s;

-- name: forget_samples
WITH growth AS (DELETE FROM sample WHERE minute < %(before)s), paces AS (DELETE FROM pace WHERE minute < %(before)s)
DELETE FROM backlog WHERE minute < %(before)s;
