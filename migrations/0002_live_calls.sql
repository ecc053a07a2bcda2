-- Calls that are kept while they go on: each final is there before anybody hears of it.

-- 1 from the first word of a live call until its record is complete; 0 for recordings and ended calls. A call that is
-- still 1 when nobody speaks any more was cut off with the process that kept it.
ALTER TABLE calls ADD COLUMN is_live INTEGER NOT NULL DEFAULT 0 CHECK (is_live IN (0, 1));

-- Why a live call ended, such as 'hung_up'; NULL for recordings.
ALTER TABLE calls ADD COLUMN end_reason TEXT;

CREATE INDEX calls_that_are_live ON calls (key) WHERE is_live = 1;
