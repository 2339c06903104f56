"""The tables, in numbered migrations: each is run once, in order, and never changed afterwards.

Nothing is ever updated or deleted but a log's name, a reaction's checkpoint, and snapshots, which are a cache. A commit's
`line` is what the sums cover, byte for byte as in a file; `cqrs_events` has the same to be asked in SQL. Positions are
gapless and appear in the order of commit, because an append holds an advisory lock of the log until its transaction is
over: a reader by serial number without such a lock would miss what is committed late.
"""

from ...struct import Struct


class Migration(Struct, frozen=True):
    """A step from one version of the tables to the next: what it is for, and its SQL."""

    what: str
    sql: str


_LOGS = r"""
    CREATE TABLE cqrs_logs (
        key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL,
        name text COLLATE "C" NOT NULL,
        archived boolean NOT NULL DEFAULT false,
        header text NOT NULL,
        UNIQUE (name, archived)
    );

    CREATE TABLE cqrs_commits (
        log bigint NOT NULL REFERENCES cqrs_logs,
        position bigint NOT NULL CHECK (position > 0),
        last bigint NOT NULL CHECK (last >= position),
        command text NOT NULL,
        at timestamptz NOT NULL,
        author text NOT NULL,
        role text NOT NULL DEFAULT session_user,
        meta jsonb NOT NULL,
        sum text NOT NULL,
        line text NOT NULL,
        PRIMARY KEY (log, position),
        UNIQUE (log, last),
        UNIQUE (log, command)
    );

    CREATE TABLE cqrs_events (
        log bigint NOT NULL,
        position bigint NOT NULL,
        commit bigint NOT NULL,
        id text NOT NULL,
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        type text NOT NULL,
        data jsonb NOT NULL,
        PRIMARY KEY (log, position),
        UNIQUE (log, stream, version),
        UNIQUE (log, id),
        FOREIGN KEY (log, commit) REFERENCES cqrs_commits
    );

    -- Hold a log until the transaction is over.
    CREATE FUNCTION cqrs_hold(log_ bigint) RETURNS void LANGUAGE sql AS $$
        SELECT pg_advisory_xact_lock(hashtextextended('cqrs ' || log_, 0))
    $$;

    -- What a line says, as far as jsonb can hold it: U+FFFD stands for NUL.
    CREATE FUNCTION cqrs_document(line_ text) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
        SELECT CASE WHEN strpos(line_, '\u0000') = 0 THEN line_
                    ELSE regexp_replace(line_, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END::jsonb
    $$;

    -- The events in a line's document, as they stand in the table.
    CREATE FUNCTION cqrs_events_in(document jsonb)
    RETURNS TABLE (place bigint, id text, stream text, version bigint, type text, data jsonb) IMMUTABLE LANGUAGE sql AS $$
        SELECT at, (document->>'command') || '/' || at,
               event->>'stream', (event->>'version')::bigint, event->>'type', event->'data'
        FROM jsonb_array_elements(document->'events') WITH ORDINALITY AS each (event, number),
             LATERAL (SELECT (document->>'position')::bigint + number - 1 AS at) AS there
    $$;

    -- Append a line after position `head`, whose sum is `before`, in one round trip. Gives 'recorded'; 'known' and the line
    -- that bears the command already; 'behind' where the log has gone on meanwhile; 'gone' where there is none.
    CREATE FUNCTION cqrs_append(log_ bigint, head bigint, before text, line_ text, sum_ text)
    RETURNS TABLE (status text, known text) LANGUAGE plpgsql AS $$
    DECLARE
        document jsonb := cqrs_document(line_);
        first bigint := (document->>'position')::bigint;
        stands record;
    BEGIN
        PERFORM cqrs_hold(log_);
        SELECT header INTO stands FROM cqrs_logs WHERE key = log_ AND NOT archived;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'gone', NULL;
            RETURN;
        END IF;
        SELECT line INTO known FROM cqrs_commits WHERE log = log_ AND command = document->>'command';
        IF FOUND THEN
            RETURN QUERY SELECT 'known', known;
            RETURN;
        END IF;
        SELECT last, sum INTO stands FROM cqrs_commits WHERE log = log_ ORDER BY position DESC LIMIT 1;
        IF (FOUND AND (stands.last <> head OR stands.sum <> before)) OR (NOT FOUND AND head <> 0) THEN
            RETURN QUERY SELECT 'behind', NULL;
            RETURN;
        END IF;
        INSERT INTO cqrs_commits (log, position, last, command, at, author, meta, sum, line)
        VALUES (log_, first, head + jsonb_array_length(document->'events'), document->>'command',
                (document->>'at')::timestamptz, document->>'by', coalesce(document->'meta', '{}'), sum_, line_);
        INSERT INTO cqrs_events (log, commit, position, id, stream, version, type, data)
        SELECT log_, first, event.* FROM cqrs_events_in(document) AS event;
        RETURN QUERY SELECT 'recorded', NULL;
    END $$
"""

_CHECKPOINTS = """
    CREATE TABLE cqrs_checkpoints (
        reaction text NOT NULL,
        log text NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (reaction, log)
    )
"""

_SNAPSHOTS = """
    CREATE TABLE cqrs_snapshots (
        log text NOT NULL,
        name text NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (log, name)
    )
"""

MIGRATIONS: tuple[Migration, ...] = (
    Migration("logs, their commits and events, and how one is appended", _LOGS),
    Migration("how far reactions have come", _CHECKPOINTS),
    Migration("snapshots", _SNAPSHOTS),
)
"""Those of version 1, 2 and so on."""
