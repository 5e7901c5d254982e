-- What a store has in a PostgreSQL. All of it is made in one transaction (schema.py).

-- One row: who may append, until when, and which rows of the other tables count.
CREATE TABLE kala_lease (
    name           text PRIMARY KEY,
    version        int NOT NULL,              -- of this schema
    epoch          bigint NOT NULL DEFAULT 0, -- one more for each who acquires the store
    address        text NOT NULL DEFAULT '',  -- where whoever holds it is reached
    ttl            interval NOT NULL DEFAULT '0', -- for how long it is held when nothing more is heard of him
    expires        timestamptz,               -- when that is; null where nobody holds it
    writer         bigint NOT NULL DEFAULT 0, -- which connection may append: one more for each
    last_seq       bigint NOT NULL DEFAULT 0, -- of the latest record
    last_batch     bigint NOT NULL DEFAULT 0, -- of the latest batch
    generation     bigint NOT NULL DEFAULT 0, -- of the snapshot that counts
    compaction     bigint NOT NULL DEFAULT 0, -- of the snapshot that was begun last
    snapshot_batch bigint NOT NULL DEFAULT 0, -- the snapshot stands for the batches up to this one
    snapshot_seq   bigint NOT NULL DEFAULT 0  -- and for the records up to this one
);

-- A row a batch, in the framing of the journal; those up to snapshot_batch are history, and may be gone.
CREATE TABLE kala_log (
    batch bigint PRIMARY KEY,
    seq   bigint NOT NULL, -- of its first record
    n     int NOT NULL,    -- how many records
    epoch bigint NOT NULL, -- under which it was appended
    lines bytea NOT NULL
);

-- Snapshots in parts, numbered from 1; the last line of the last part says that it is whole.
CREATE TABLE kala_snapshot (
    generation bigint NOT NULL,
    part       bigint NOT NULL,
    lines      bytea NOT NULL,
    PRIMARY KEY (generation, part)
);

-- What runs print: its beginning (part 0), and where that is not all its end (part 1).
CREATE TABLE kala_output (
    run_id text NOT NULL,
    part   smallint NOT NULL,
    start  bigint NOT NULL, -- the place of its first byte in all that was printed
    epoch  bigint NOT NULL, -- under which it was written
    text   bytea NOT NULL,
    PRIMARY KEY (run_id, part)
);

-- What servers that have let go of the store say of attempts that go on there.
CREATE TABLE kala_word (
    handle text PRIMARY KEY,
    until  timestamptz NOT NULL,     -- after that nothing will be said of it
    text   text NOT NULL DEFAULT ''  -- how it has ended
);

-- JSON is a fifth as large then. What was built without lz4 keeps its own way.
DO $$
BEGIN
    ALTER TABLE kala_log ALTER lines SET COMPRESSION lz4;
    ALTER TABLE kala_snapshot ALTER lines SET COMPRESSION lz4;
    ALTER TABLE kala_output ALTER text SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
