-- An event's number is its `seq`, and a lane has a `priority`; both had other names. Only the names change.
ALTER TABLE message RENAME COLUMN receipt TO seq;
ALTER TABLE waiting RENAME COLUMN receipt TO seq;
ALTER TABLE sent RENAME COLUMN receipt TO seq;
ALTER TABLE finished RENAME COLUMN receipt TO seq;
ALTER TABLE dead RENAME COLUMN receipt TO seq;
ALTER TABLE warning RENAME COLUMN receipt TO seq;
ALTER TABLE deletion RENAME COLUMN receipt TO seq;
ALTER TABLE dedup_kept RENAME COLUMN receipt TO seq;
ALTER TABLE dedup_{day} RENAME COLUMN receipt TO seq;
ALTER TABLE lane RENAME COLUMN turn TO priority;
