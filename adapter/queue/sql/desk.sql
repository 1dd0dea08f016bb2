-- What an operator asks of a queue file and does to it, in short steps beside the service.

-- name: newest_receipt
SELECT coalesce(max(receipt), 0) FROM message;

-- name: messages_before
SELECT receipt FROM message WHERE receipt < ? ORDER BY receipt DESC LIMIT ?;

-- name: messages_after
SELECT receipt FROM message WHERE receipt > ? ORDER BY receipt LIMIT ?;

-- name: story
SELECT message.receipt, source.name, message.message_id, message.type, message.user_id, message.anonymous_id,
       message.timestamp_us, message.received_us, message.body,
       finished.outcome, finished.reason, finished.rule, finished.detail, finished.attempt, finished.mapping,
       finished.finished_us,
       dead.reason, dead.detail, dead.attempt, dead.mapping, dead.died_us
FROM message JOIN source ON source.id = message.source
LEFT JOIN finished USING (receipt) LEFT JOIN dead USING (receipt)
WHERE message.receipt = ?;

-- name: receipts_of
SELECT receipt FROM message WHERE message_id = ? ORDER BY receipt;

-- name: dead_groups
SELECT reason, detail, count(*), min(receipt) FROM dead GROUP BY reason, detail ORDER BY count(*) DESC LIMIT ?;

-- name: dead_after
SELECT receipt FROM dead
WHERE receipt > ?1 AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR detail = ?3) ORDER BY receipt LIMIT ?4;

-- name: source_of
SELECT source FROM message WHERE receipt = ?;
