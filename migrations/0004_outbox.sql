-- Messages to the customer's own systems that are not delivered yet: written before the first attempt, gone when
-- delivered or given up.
CREATE TABLE outbox (
    key INTEGER PRIMARY KEY,
    -- Name of the receiver in the configuration.
    receiver TEXT NOT NULL,
    -- The same on every attempt; the receiver drops doubles by it.
    message_id TEXT NOT NULL,
    call_id BLOB NOT NULL,
    -- When it was told, for the delay until its first attempt.
    told_at_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    -- Attempts that failed.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next.
    due_at_ms INTEGER NOT NULL,
    UNIQUE (receiver, message_id)
) STRICT;

CREATE INDEX outbox_that_is_due ON outbox (receiver, due_at_ms);
