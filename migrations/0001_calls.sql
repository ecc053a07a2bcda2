-- Calls, what was said in them, what was made of it, and the search index.
-- Positions are samples at 16 kHz from the start of the call; instants are milliseconds since 1970 UTC.

-- "Allo" in ASCII: tells an Allo store from any other SQLite file.
PRAGMA application_id = 1097624687;

CREATE TABLE calls (
    key               INTEGER PRIMARY KEY,
    id                BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    source            TEXT    NOT NULL,
    content_hash      BLOB    UNIQUE CHECK (length(content_hash) = 32),
    started_at_ms     INTEGER,
    created_at_ms     INTEGER NOT NULL,
    end_sample        INTEGER NOT NULL,
    language          TEXT,
    model             TEXT    NOT NULL,
    rejected_segments INTEGER NOT NULL,
    -- The intent the note names, when it was routed.
    note_intent       TEXT
) STRICT;

CREATE TABLE channels (
    call_key INTEGER NOT NULL REFERENCES calls (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    channel  TEXT    NOT NULL,
    PRIMARY KEY (call_key, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE utterances (
    key          INTEGER PRIMARY KEY,
    call_key     INTEGER NOT NULL REFERENCES calls (key) ON DELETE CASCADE,
    position     INTEGER NOT NULL,
    channel      TEXT    NOT NULL,
    start_sample INTEGER NOT NULL,
    end_sample   INTEGER NOT NULL,
    text         TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    confidence   REAL    NOT NULL,
    -- JSON: [[word, start, end, confidence], …]
    words        TEXT    NOT NULL,
    -- The text as the index sees it: folded words, and their stems with compounds written as one.
    index_words  TEXT    NOT NULL,
    index_stems  TEXT    NOT NULL,
    UNIQUE (call_key, position)
) STRICT;

CREATE TABLE intent_decisions (
    call_key     INTEGER PRIMARY KEY REFERENCES calls (key) ON DELETE CASCADE,
    quote        TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    start_sample INTEGER NOT NULL,
    end_sample   INTEGER NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('routed', 'unsure', 'out_of_scope')),
    intent       TEXT,
    route        TEXT,
    -- JSON: [[intent, probability], …], best first
    candidates   TEXT    NOT NULL,
    CHECK ((outcome = 'routed') = (intent IS NOT NULL AND route IS NOT NULL))
) STRICT;

CREATE INDEX intent_decisions_by_intent ON intent_decisions (intent);

CREATE TABLE evidence (
    call_key     INTEGER NOT NULL REFERENCES calls (key) ON DELETE CASCADE,
    kind         TEXT    NOT NULL CHECK (kind IN ('reason', 'key_sentence', 'open_point', 'recap')),
    position     INTEGER NOT NULL,
    quote        TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    start_sample INTEGER NOT NULL,
    end_sample   INTEGER NOT NULL,
    PRIMARY KEY (call_key, kind, position)
) STRICT, WITHOUT ROWID;

-- External content: the index holds no second copy of the text, and the triggers below keep it true to `utterances`
-- inside the same transaction, whoever writes. They also fire for rows that a deleted call takes along.
CREATE VIRTUAL TABLE utterance_index USING fts5 (
    index_words,
    index_stems,
    content = 'utterances',
    content_rowid = 'key',
    prefix = '3',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- A deleted utterance leaves no words behind in the index's own pages.
INSERT INTO utterance_index (utterance_index, rank) VALUES ('secure-delete', 1);

CREATE TRIGGER utterances_indexed AFTER INSERT ON utterances BEGIN
    INSERT INTO utterance_index (rowid, index_words, index_stems)
    VALUES (new.key, new.index_words, new.index_stems);
END;

CREATE TRIGGER utterances_unindexed AFTER DELETE ON utterances BEGIN
    INSERT INTO utterance_index (utterance_index, rowid, index_words, index_stems)
    VALUES ('delete', old.key, old.index_words, old.index_stems);
END;

CREATE TRIGGER utterances_reindexed AFTER UPDATE OF key, index_words, index_stems ON utterances BEGIN
    INSERT INTO utterance_index (utterance_index, rowid, index_words, index_stems)
    VALUES ('delete', old.key, old.index_words, old.index_stems);
    INSERT INTO utterance_index (rowid, index_words, index_stems)
    VALUES (new.key, new.index_words, new.index_stems);
END;
