-- What a dialogue decided, turn by turn, and on what grounds: for people who ask why, and to try other scenarios on what
-- callers really said. Conversations in text have no row in calls, so there is no reference to it.
CREATE TABLE decisions (
    key INTEGER PRIMARY KEY,
    call_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    scenario TEXT NOT NULL,
    -- What the caller said; NULL when the turn was no sentence.
    sentence TEXT,
    -- How clear the first wish was: 'sure', 'nearly', 'two_candidates', 'lost', 'out_of_scope'.
    band TEXT,
    -- Id of the route of a transfer.
    route TEXT,
    -- The whole record as JSON (store::decisions).
    record TEXT NOT NULL,
    UNIQUE (call_id, number)
) STRICT;

CREATE INDEX decisions_by_time ON decisions (scenario, at_ms);
