-- What workers on other machines need beside Procrastinate's tables. All of it is made in one transaction (schema.py).

CREATE TABLE kala_queue (version int NOT NULL); -- one row: of this schema

-- A worker, from when it first was there.
CREATE TABLE kala_worker (
    name        text PRIMARY KEY,
    life        bigint NOT NULL,       -- the id that Procrastinate gave it when it was started last
    queues      text[] NOT NULL,
    concurrency int NOT NULL,          -- how many attempts it carries out at the same time
    running     int NOT NULL DEFAULT 0,
    version     text NOT NULL,
    draining    boolean NOT NULL DEFAULT false, -- it takes nothing more
    seen_at     timestamptz NOT NULL,
    stopped     boolean NOT NULL DEFAULT false  -- it has said that it ends
);

-- An attempt, from when it is handed over until how it went is recorded.
CREATE TABLE kala_attempt (
    handle  text PRIMARY KEY,
    epoch   bigint NOT NULL,                -- under which it was handed over
    queue   text NOT NULL,
    job_id  bigint NOT NULL,                -- Procrastinate's
    attempt text NOT NULL,                  -- what is to be carried out
    worker  text,                           -- who has taken it
    life    bigint,                         -- in which of its lives
    ending  boolean NOT NULL DEFAULT false, -- it is to be ended
    judged  boolean NOT NULL DEFAULT false, -- it was taken for interrupted, as nothing was heard of the worker
    outcome text                            -- how it went
);
CREATE INDEX kala_attempt_over ON kala_attempt (handle) WHERE outcome IS NOT NULL;
CREATE INDEX kala_attempt_taken ON kala_attempt (worker) WHERE worker IS NOT NULL AND outcome IS NULL;

-- What attempts print, until the server that leads has heard it.
CREATE TABLE kala_printed (
    handle text NOT NULL,
    start  bigint NOT NULL, -- the place of its first byte in all that the attempt has printed
    text   bytea NOT NULL,
    PRIMARY KEY (handle, start)
);

-- Hands attempts over, each once, where that epoch holds the store: no other can acquire it before this is committed.
CREATE FUNCTION kala_hand_over(in_epoch bigint, handles text[], queues text[], attempts text[])
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    PERFORM 1 FROM kala_lease WHERE name = 'kala' AND epoch = in_epoch AND expires IS NOT NULL FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR i IN 1 .. cardinality(handles) LOOP
        CONTINUE WHEN EXISTS (SELECT 1 FROM kala_attempt WHERE handle = handles[i]);
        ids := procrastinate_defer_jobs_v1(ARRAY[ROW(
            queues[i], 'kala.attempt', 0, NULL, handles[i], jsonb_build_object('handle', handles[i]), NULL
        )::procrastinate_job_to_defer_v1]);
        INSERT INTO kala_attempt (handle, epoch, queue, job_id, attempt)
        VALUES (handles[i], in_epoch, queues[i], ids[1], attempts[i]);
    END LOOP;
    RETURN true;
END
$$;

-- Has attempts ended: those that nobody has taken are over at once.
CREATE FUNCTION kala_end(handles text[], not_started text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    -- As everywhere, Procrastinate's row is locked before ours.
    PERFORM 1 FROM procrastinate_jobs
    WHERE id IN (SELECT job_id FROM kala_attempt WHERE handle = ANY(handles)) ORDER BY id FOR UPDATE;
    UPDATE kala_attempt SET ending = true WHERE handle = ANY(handles) AND outcome IS NULL;
    FOR one IN SELECT handle, job_id FROM kala_attempt
               WHERE handle = ANY(handles) AND worker IS NULL AND outcome IS NULL LOOP
        IF procrastinate_cancel_job_v1(one.job_id, false, true) IS NOT NULL THEN
            UPDATE kala_attempt SET outcome = not_started WHERE handle = one.handle;
        END IF;
    END LOOP;
    PERFORM pg_notify('kala_worker', ''), pg_notify('kala_attempt', '');
END
$$;

-- Begins a life of a worker, unless somebody of that name was there a moment ago.
CREATE FUNCTION kala_begin(of_worker text, its_queues text[], places int, its_version text, gone_after interval)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    new_life bigint;
BEGIN
    PERFORM 1 FROM kala_worker WHERE name = of_worker FOR UPDATE;
    IF EXISTS (SELECT 1 FROM kala_worker
               WHERE name = of_worker AND NOT stopped AND seen_at > clock_timestamp() - gone_after) THEN
        RETURN NULL;
    END IF;
    new_life := (SELECT worker_id FROM procrastinate_register_worker_v1());
    INSERT INTO kala_worker (name, life, queues, concurrency, version, seen_at)
    VALUES (of_worker, new_life, its_queues, places, its_version, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET
        life = excluded.life, queues = excluded.queues, concurrency = excluded.concurrency, running = 0,
        version = excluded.version, draining = false, seen_at = excluded.seen_at, stopped = false;
    RETURN new_life;
END
$$;

-- Tells that a worker is there; nothing comes back where another one has its name by now.
CREATE FUNCTION kala_beat(of_worker text, its_life bigint, now_running int, stops boolean)
RETURNS SETOF boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM procrastinate_update_heartbeat_v1(its_life);
    RETURN QUERY UPDATE kala_worker SET seen_at = clock_timestamp(), running = now_running, stopped = stops
                 WHERE name = of_worker AND life = its_life RETURNING draining;
    IF stops THEN
        PERFORM procrastinate_unregister_worker_v1(its_life);
    END IF;
END
$$;

-- Gives a worker what it is to do: what it has taken and does not hold, as it never heard of it; so many more; and what
-- it is to end, which comes without what is to be carried out.
CREATE FUNCTION kala_turn(of_worker text, its_life bigint, its_queues text[], held text[], room int)
RETURNS TABLE (its_handle text, its_attempt text) LANGUAGE plpgsql AS $$
DECLARE
    taken procrastinate_jobs;
    more int := room;
BEGIN
    RETURN QUERY SELECT handle, CASE WHEN handle = ANY(held) THEN NULL ELSE attempt END FROM kala_attempt
                 WHERE worker = of_worker AND life = its_life AND outcome IS NULL
                   AND (ending OR handle <> ALL(held));
    IF NOT EXISTS (SELECT 1 FROM kala_worker WHERE name = of_worker AND life = its_life AND NOT draining) THEN
        RETURN;
    END IF;
    WHILE more > 0 LOOP
        SELECT * INTO taken FROM procrastinate_fetch_job_v2(its_queues, its_life);
        EXIT WHEN taken.id IS NULL;
        RETURN QUERY UPDATE kala_attempt SET worker = of_worker, life = its_life
                     WHERE job_id = taken.id AND worker IS NULL AND outcome IS NULL RETURNING handle, attempt;
        more := more - 1;
    END LOOP;
END
$$;

-- Takes in what attempts have printed, and then how they went.
CREATE FUNCTION kala_tell(printing text[], starts bigint[], texts bytea[], ended text[], outcomes text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kala_printed (handle, start, text)
    SELECT * FROM unnest(printing, starts, texts) AS said (handle, start, text)
    WHERE EXISTS (SELECT 1 FROM kala_attempt WHERE kala_attempt.handle = said.handle) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM procrastinate_jobs
    WHERE id IN (SELECT job_id FROM kala_attempt WHERE handle = ANY(ended)) ORDER BY id FOR UPDATE;
    PERFORM procrastinate_finish_job_v1(id, 'succeeded', true) FROM procrastinate_jobs
    WHERE status = 'doing'
      AND id IN (SELECT job_id FROM kala_attempt WHERE handle = ANY(ended) AND outcome IS NULL);
    UPDATE kala_attempt SET outcome = said.outcome
    FROM unnest(ended, outcomes) AS said (handle, outcome)
    WHERE kala_attempt.handle = said.handle AND kala_attempt.outcome IS NULL;
    PERFORM pg_notify('kala_attempt', '');
END
$$;

-- Lets go of attempts of which all is recorded, where that epoch holds the store.
CREATE FUNCTION kala_forget(in_epoch bigint, handles text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM kala_lease WHERE name = 'kala' AND epoch = in_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM kala_printed WHERE handle = ANY(handles);
    DELETE FROM kala_attempt WHERE handle = ANY(handles) AND outcome IS NOT NULL;
    RETURN true;
END
$$;
