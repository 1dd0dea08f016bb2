-- What an operator asks of a queue and does to it, in short steps beside the service.

-- name: newest_seq
SELECT coalesce(max(seq), 0) FROM message;

-- name: oldest_seq
SELECT coalesce(min(seq), 0) FROM message;

-- name: messages_between
-- A window of seqs at a time, however rare what is looked for. Of the names and ids in bodies this finds candidates:
-- where their bytes are, written as JSON; what they are the names of, is looked at afterwards.
SELECT message.seq, coalesce(dead.reason, finished.reason, ''), coalesce(dead.detail, finished.detail, ''),
       coalesce(finished.rule, '')
FROM message LEFT JOIN finished USING (seq) LEFT JOIN dead USING (seq)
WHERE message.seq >= %(start)s AND message.seq < %(stop)s
  AND message.received_us >= %(since_us)s AND message.received_us < %(until_us)s
  AND (%(source)s::text IS NULL OR message.source = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(outcomes)s::text[] IS NULL OR CASE
      WHEN dead.seq IS NOT NULL THEN 'dead' ELSE coalesce(finished.outcome, 'pending') END = ANY(%(outcomes)s))
  AND (%(type)s::bytea IS NULL OR message.type = %(type)s)
  -- What a mapping refused names the rule at the end of its detail.
  AND (%(rule)s::text IS NULL OR finished.rule = %(rule)s OR dead.reason = 'refused by the mapping'
    AND right(dead.detail, length(%(rule)s::text) + 9) = '(rule ''' || %(rule)s::text || ''')')
  AND (%(users)s::bytea[] IS NULL OR message.user_id = ANY(%(users)s) OR message.anonymous_id = ANY(%(users)s)
       OR (substr(message.body, 1, 1) = '['::bytea AND position(%(user_in_json)s::bytea IN message.body) > 0))
  AND (%(name_in_json)s::bytea IS NULL OR position(%(name_in_json)s IN message.body) > 0)
  AND (NOT %(warned)s::boolean OR EXISTS (SELECT 1 FROM warning WHERE warning.seq = message.seq))
ORDER BY message.seq DESC;

-- name: received_from
SELECT received_us FROM message WHERE seq >= %(seq)s ORDER BY seq LIMIT 1;

-- name: messages_after
SELECT seq FROM message WHERE seq > %(seq)s ORDER BY seq LIMIT %(limit)s;

-- name: events
SELECT message.seq, source.name, {message.*}, warning.ingest, warning.mapping,
       finished.outcome, finished.reason, finished.rule, finished.detail, finished.attempt, finished.mapping,
       finished.finished_us,
       dead.reason, dead.detail, dead.attempt, dead.mapping, dead.died_us
FROM message JOIN source ON source.id = message.source
LEFT JOIN finished USING (seq) LEFT JOIN dead USING (seq) LEFT JOIN warning USING (seq)
WHERE message.seq = ANY(%(seqs)s::bigint[]);

-- name: seqs_of_message_between
SELECT seq FROM message WHERE seq >= %(start)s AND seq < %(stop)s AND message_id = %(message_id)s;

-- name: seqs_of_user_between
-- A private event, whose body is a list, has keys in these columns and the ids that privacy left in its message.
SELECT seq FROM message
WHERE seq >= %(start)s AND seq < %(stop)s AND (user_id = %(user)s OR anonymous_id = %(user)s OR (
    substr(body, 1, 1) = '['::bytea AND position(%(user_in_json)s::bytea IN body) > 0
)) ORDER BY seq;

-- name: head_of
SELECT head, due_us, attempt, reason, detail FROM lane WHERE lane = %(lane)s;

-- name: place_in_waiting
SELECT count(*) FROM waiting WHERE lane = %(lane)s AND seq <= %(seq)s
  AND EXISTS (SELECT 1 FROM waiting WHERE lane = %(lane)s AND seq = %(seq)s);

-- name: dead_groups
SELECT reason, detail, n, first, (SELECT received_us FROM message WHERE seq = first),
       (SELECT received_us FROM message WHERE seq = last), (SELECT mapping FROM dead WHERE seq = last), sources
FROM (
    SELECT reason, detail, count(*) AS n, min(dead.seq) AS first, max(dead.seq) AS last,
           array_agg(DISTINCT source.name) AS sources
    FROM dead JOIN message USING (seq) JOIN source ON source.id = message.source GROUP BY reason, detail
) AS groups;

-- name: dead_after
SELECT seq FROM dead
WHERE seq > %(after)s AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(detail)s::text IS NULL OR detail = %(detail)s) ORDER BY seq LIMIT %(limit)s;

-- name: failures
SELECT at_us, call, status, cause, ms FROM failure WHERE seq = %(seq)s ORDER BY at_us;

-- name: unmatched_between
SELECT seq FROM finished WHERE seq >= %(start)s AND seq < %(stop)s AND outcome = 'unmatched' ORDER BY seq;

-- name: dead_causes
SELECT seq, reason, detail FROM dead ORDER BY seq;

-- name: rejection_causes
SELECT id, reason, problems FROM rejection ORDER BY id;

-- name: rejection_groups
SELECT reason, problems, count(*), min(rejection.id), min(received_us), max(received_us), '',
       array_agg(DISTINCT source.name)
FROM rejection JOIN source ON source.id = rejection.source GROUP BY reason, problems;

-- name: rejections_after
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id > %(after)s AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(detail)s::text IS NULL OR problems = %(detail)s)
ORDER BY rejection.id LIMIT %(limit)s;

-- name: newest_rejections
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id < %(before)s AND (%(source)s::text IS NULL OR source.name = %(source)s)
ORDER BY rejection.id DESC LIMIT %(limit)s;

-- name: rejections
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id = ANY(%(ids)s::bigint[]) ORDER BY rejection.id;

-- name: activations
SELECT id, name, version, digest, at_us, by FROM activation
WHERE name = %(name)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s;

-- name: activated_text
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE id = %(id)s;

-- name: copy_facts
SELECT event, received_us FROM rejection WHERE id = %(id)s AND event IS NOT NULL;

-- name: rejections_of
SELECT id FROM rejection WHERE message_id = %(message_id)s ORDER BY id;

-- name: reopen_unmatched
DELETE FROM finished WHERE seq = ANY(%(seqs)s::bigint[]) AND outcome = 'unmatched' AND EXISTS (
    SELECT 1 FROM message WHERE message.seq = finished.seq AND body <> '{}'::bytea
) RETURNING seq;

-- name: newest_deletions
SELECT deletion.seq, source.name, user_id, message_id, received_us, events, rejections, done_us
FROM deletion JOIN source ON source.id = deletion.source
WHERE %(user)s::bytea IS NULL OR user_id = %(user)s ORDER BY deletion.seq DESC LIMIT %(limit)s;

-- name: is_seen
SELECT 1 FROM seen WHERE digest = %(digest)s
UNION ALL SELECT 1 FROM dedup_kept WHERE digest = %(digest)s LIMIT 1;

-- name: sources
SELECT name FROM source;
