ALTER TABLE event_chunk DROP COLUMN count;
