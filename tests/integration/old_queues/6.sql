-- A take asks for all sources of a worker and one priority: where no lane has that priority, it reads one row.
DROP INDEX lane_due;
CREATE INDEX lane_due ON lane (priority, source, due_us);
