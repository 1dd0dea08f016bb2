-- What an operator asks of a queue file and does to it, in short steps beside the service.

-- name: newest_seq
SELECT coalesce(max(seq), 0) FROM message;

-- name: oldest_seq
SELECT coalesce(min(seq), 0) FROM message;

-- name: messages_between
-- A window of seqs at a time, however rare what is looked for: a long read would hold up the checkpoint.
SELECT message.seq, coalesce(dead.reason, finished.reason, ''), coalesce(dead.detail, finished.detail, ''),
       coalesce(finished.rule, '')
FROM message LEFT JOIN finished USING (seq) LEFT JOIN dead USING (seq)
WHERE message.seq >= ?1 AND message.seq < ?2
  AND message.received_us >= ?7 AND message.received_us < ?8
  AND (?4 IS NULL OR message.source = (SELECT id FROM source WHERE name = ?4))
  AND (?5 IS NULL OR instr(?5, ',' || iif(dead.seq IS NULL, coalesce(finished.outcome, 'pending'), 'dead') || ','))
  AND (?6 IS NULL OR message.user_id IN (?6, ?10) OR message.anonymous_id IN (?6, ?10) OR iif(
      substr(message.body, 1, 1) = CAST('[' AS BLOB) AND json_valid(CAST(message.body AS TEXT)), ?6 IN (
          json_extract(CAST(message.body AS TEXT), '$[1].userId'),
          json_extract(CAST(message.body AS TEXT), '$[1].anonymousId')
      ), FALSE
  ))
  AND (?12 IS NULL OR message.type = ?12)
  -- What a mapping refused names the rule at the end of its detail.
  AND (?13 IS NULL OR finished.rule = ?13 OR dead.reason = 'refused by the mapping'
    AND substr(dead.detail, -length(?13) - 9) = '(rule ''' || ?13 || ''')')
  AND (?11 = 0 OR EXISTS (SELECT 1 FROM warning WHERE warning.seq = message.seq))
  -- A body that went bad on the disk has no name, and must not keep the others from being found.
  AND (?9 IS NULL OR iif(json_valid(CAST(message.body AS TEXT)), ?9 = json_extract(
      CAST(message.body AS TEXT), iif(substr(message.body, 1, 1) = CAST('[' AS BLOB), '$[1].event', '$.event')
  ), FALSE))
ORDER BY message.seq DESC LIMIT ?3;

-- name: received_from
SELECT received_us FROM message WHERE seq >= ? ORDER BY seq LIMIT 1;

-- name: messages_after
SELECT seq FROM message WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: event
SELECT message.seq, source.name, {message.*}, warning.ingest, warning.mapping,
       finished.outcome, finished.reason, finished.rule, finished.detail, finished.attempt, finished.mapping,
       finished.finished_us,
       dead.reason, dead.detail, dead.attempt, dead.mapping, dead.died_us
FROM message JOIN source ON source.id = message.source
LEFT JOIN finished USING (seq) LEFT JOIN dead USING (seq) LEFT JOIN warning USING (seq)
WHERE message.seq = ?;

-- name: seqs_of_message_between
SELECT seq FROM message WHERE seq >= ?1 AND seq < ?2 AND message_id = ?3;

-- name: seqs_of_user_between
-- A private event, whose body is a list, has keys in these columns and the ids that privacy left in its message.
SELECT seq FROM message WHERE seq >= ?1 AND seq < ?2 AND (user_id = ?3 OR anonymous_id = ?3 OR iif(
    substr(body, 1, 1) = CAST('[' AS BLOB) AND json_valid(CAST(body AS TEXT)),
    ?3 IN (json_extract(CAST(body AS TEXT), '$[1].userId'), json_extract(CAST(body AS TEXT), '$[1].anonymousId')),
    FALSE
));

-- name: place_in_waiting
SELECT count(*) FROM waiting WHERE lane = ?1 AND seq <= ?2
  AND EXISTS (SELECT 1 FROM waiting WHERE lane = ?1 AND seq = ?2);

-- name: dead_groups
SELECT reason, detail, n, first, (SELECT received_us FROM message WHERE seq = first),
       (SELECT received_us FROM message WHERE seq = last), (SELECT mapping FROM dead WHERE seq = last), sources
FROM (
    SELECT reason, detail, count(*) AS n, min(seq) AS first, max(seq) AS last,
           group_concat(DISTINCT source.name) AS sources
    FROM dead JOIN message USING (seq) JOIN source ON source.id = message.source GROUP BY reason, detail
);

-- name: dead_after
SELECT seq FROM dead
WHERE seq > ?1 AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR detail = ?3) ORDER BY seq LIMIT ?4;

-- name: failures
SELECT at_us, call, status, cause, ms FROM failure WHERE seq = ? ORDER BY at_us;

-- name: unmatched_between
SELECT seq FROM finished WHERE seq >= ?1 AND seq < ?2 AND outcome = 'unmatched';

-- name: dead_causes
SELECT seq, reason, detail FROM dead ORDER BY seq;

-- name: rejection_causes
SELECT id, reason, problems FROM rejection ORDER BY id;

-- name: rejection_groups
SELECT reason, problems, count(*), min(rejection.id), min(received_us), max(received_us), '',
       group_concat(DISTINCT source.name)
FROM rejection JOIN source ON source.id = rejection.source GROUP BY reason, problems;

-- name: rejections_after
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection JOIN source ON source.id = rejection.source
WHERE rejection.id > ?1 AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR problems = ?3)
ORDER BY rejection.id LIMIT ?4;

-- name: newest_rejections
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection CROSS JOIN source ON source.id = rejection.source
WHERE rejection.id < ?3 AND (?1 IS NULL OR source.name = ?1)
ORDER BY rejection.id DESC LIMIT ?2;

-- name: rejection
SELECT rejection.id, source.name, reason, message_id, problems, body, received_us
FROM rejection JOIN source ON source.id = rejection.source WHERE rejection.id = ?;

-- name: activations
SELECT id, name, version, digest, at_us, by FROM activation WHERE name = ?1 AND id < ?3 ORDER BY id DESC LIMIT ?2;

-- name: activated_text
SELECT text FROM activation JOIN mapping_text USING (digest) WHERE id = ?;

-- name: copy_facts
SELECT event, received_us FROM rejection WHERE id = ? AND event IS NOT NULL;

-- name: rejections_of
SELECT id FROM rejection WHERE message_id = ? ORDER BY id;

-- name: source_of
SELECT source FROM message WHERE seq = ?;

-- name: reopen_unmatched
DELETE FROM finished WHERE seq = ?1 AND outcome = 'unmatched'
  AND EXISTS (SELECT 1 FROM message WHERE seq = ?1 AND body <> CAST('{}' AS BLOB));

-- name: newest_deletions
SELECT deletion.seq, source.name, user_id, message_id, received_us, events, rejections, done_us
FROM deletion CROSS JOIN source ON source.id = deletion.source
WHERE ?1 IS NULL OR user_id = ?1 ORDER BY deletion.seq DESC LIMIT ?2;
