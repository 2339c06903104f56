"""The tables and functions in the database, in numbered migrations, and the grants that a role needs to use them.

Each migration runs once, in order, and is never changed after a release. `{schema}` stands for the quoted name of the schema
that holds the tables. No name is looked up through `search_path`. Otherwise a role that may create objects in a schema on
that path could replace our functions and tables by its own, and they would run with the rights of the role that appends.
So every name of ours is qualified, and every function sets its own `search_path` to PostgreSQL's own names.

Rows are never updated or deleted, with four exceptions: a log's name and whether it is archived, the checkpoints of
reactions with the events that they parked, snapshots, which are a cache, and what the owner of the tables makes a log
forget. The column `line` of a commit holds the bytes that the digests cover, as in a file; `cqrs_events` repeats its events
for queries in SQL. Positions have no gaps and become visible in order, because an append holds an advisory lock of the log
until its transaction ends. (Without that lock, a reader that asks for the rows after a serial number would miss those that
are committed late.)
"""

from collections.abc import Mapping

from ...struct import Struct


class Migration(Struct, frozen=True):
    """A step from one version of the tables to the next: what it is for, and its SQL."""

    what: str
    sql: str


_LOGS = r"""
    CREATE TABLE {schema}.cqrs_logs (
        key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id text NOT NULL,
        name text COLLATE "C" NOT NULL,
        archived boolean NOT NULL DEFAULT false,
        header text NOT NULL,
        UNIQUE (name, archived)
    );

    CREATE TABLE {schema}.cqrs_commits (
        log bigint NOT NULL REFERENCES {schema}.cqrs_logs,
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

    CREATE TABLE {schema}.cqrs_events (
        log bigint NOT NULL,
        position bigint NOT NULL,
        commit bigint NOT NULL,
        id text NOT NULL,
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        type text NOT NULL,
        data jsonb NOT NULL,
        tags text[] COLLATE "C" NOT NULL DEFAULT '{}',
        PRIMARY KEY (log, position),
        UNIQUE (log, stream, version),
        UNIQUE (log, id),
        FOREIGN KEY (log, commit) REFERENCES {schema}.cqrs_commits
    );
    CREATE INDEX cqrs_events_tags ON {schema}.cqrs_events USING gin (tags) WHERE tags <> '{}';
    CREATE INDEX cqrs_events_types ON {schema}.cqrs_events (log, type, position);

    -- Hold a log until the transaction is over: nobody else can append to it.
    CREATE FUNCTION {schema}.cqrs_hold(log_ bigint) RETURNS void LANGUAGE sql
    SET search_path = pg_catalog, pg_temp AS $cqrs$
        SELECT pg_advisory_xact_lock(hashtextextended('cqrs ' || log_, 0))
    $cqrs$;

    -- The JSON document in a line. jsonb cannot hold NUL, so U+FFFD stands for it.
    CREATE FUNCTION {schema}.cqrs_document(line_ text) RETURNS jsonb IMMUTABLE LANGUAGE sql
    SET search_path = pg_catalog, pg_temp AS $cqrs$
        SELECT CASE WHEN strpos(line_, '\u0000') = 0 THEN line_
                    ELSE regexp_replace(line_, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END::jsonb
    $cqrs$;

    -- The events in a line's document, as the rows of cqrs_events hold them.
    CREATE FUNCTION {schema}.cqrs_events_in(document jsonb)
    RETURNS TABLE (place bigint, id text, stream text, version bigint, type text, data jsonb, tags text[])
    IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $cqrs$
        SELECT (document->>'position')::bigint + number - 1,
               (document->>'command') || '/' || CASE WHEN is_extra THEN -extras ELSE number - extras END,
               event->>'stream', (event->>'version')::bigint, event->>'type', event->'data',
               ARRAY(SELECT jsonb_array_elements_text(event->'tags'))
        FROM (SELECT *, count(*) FILTER (WHERE is_extra) OVER (ORDER BY number) AS extras
              FROM (SELECT event, number,
                           coalesce(jsonb_typeof(extra) = 'array' AND extra @> to_jsonb(number), false) AS is_extra
                    FROM jsonb_array_elements(document->'events') WITH ORDINALITY AS each (event, number),
                         (SELECT document->'meta'->'extra' AS extra) AS of_merge) AS marked) AS counted
    $cqrs$;

    -- Append a line, in one round trip. It was made for the place after position `head`, where the digest is `before`. If
    -- others have appended meanwhile, it moves behind theirs, and gets another position and another digest. It cannot move
    -- if they appended to one of the `streams` that it depends on, or if `streams` is null.
    -- The answer is 'recorded'; or 'moved', with the line as it is now; or 'known', with the line that has this command id
    -- already; or 'behind', if it could not move; or 'forgotten', with a stream that was forgotten; or 'gone', if there is
    -- no such log.
    CREATE FUNCTION {schema}.cqrs_append(log_ bigint, head bigint, before text, line_ text, sum_ text, streams text[])
    RETURNS TABLE (status text, known text) LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $cqrs$
    DECLARE
        document jsonb := {schema}.cqrs_document(line_);
        first bigint := (document->>'position')::bigint;
        stands record;
        stands_header text;
        forgotten jsonb;
        body text;
        moved text;
    BEGIN
        PERFORM {schema}.cqrs_hold(log_);
        SELECT header INTO stands_header FROM {schema}.cqrs_logs WHERE key = log_ AND NOT archived;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'gone', NULL;
            RETURN;
        END IF;
        SELECT line INTO known FROM {schema}.cqrs_commits WHERE log = log_ AND command = document->>'command';
        IF FOUND THEN
            RETURN QUERY SELECT 'known', known;
            RETURN;
        END IF;
        SELECT last, sum INTO stands FROM {schema}.cqrs_commits WHERE log = log_ ORDER BY position DESC LIMIT 1;
        IF (FOUND AND (stands.last <> head OR stands.sum <> before)) OR (NOT FOUND AND head <> 0) THEN
            IF streams IS NULL OR NOT FOUND
               OR NOT EXISTS (SELECT FROM {schema}.cqrs_commits WHERE log = log_ AND last = head AND sum = before)
               OR EXISTS (SELECT FROM unnest(streams) AS each (name), LATERAL (
                              SELECT position FROM {schema}.cqrs_events WHERE log = log_ AND stream = each.name
                              ORDER BY version DESC LIMIT 1) AS newest WHERE newest.position > head)
            THEN
                RETURN QUERY SELECT 'behind', NULL;
                RETURN;
            END IF;
            first := stands.last + 1;
            body := '{"position":' || first || substr(line_, strpos(line_, ','));
            body := left(body, -length(',"sum":"' || sum_ || '"}'));
            sum_ := encode(sha256(convert_to(stands.sum || body, 'UTF8')), 'hex');
            moved := body || ',"sum":"' || sum_ || '"}';
            line_ := moved;
            document := jsonb_set(document, '{position}', to_jsonb(first));
        END IF;
        IF strpos(stands_header, '"forgotten"') > 0 THEN
            forgotten := {schema}.cqrs_document(stands_header)->'forgotten';
            SELECT event->>'stream' INTO known FROM jsonb_array_elements(document->'events') AS event
            WHERE forgotten ? (event->>'stream') AND event->>'type' NOT IN ('forgotten', 'lost') LIMIT 1;
            IF FOUND THEN
                RETURN QUERY SELECT 'forgotten', known;
                RETURN;
            END IF;
        END IF;
        INSERT INTO {schema}.cqrs_commits (log, position, last, command, at, author, meta, sum, line)
        VALUES (log_, first, first - 1 + jsonb_array_length(document->'events'), document->>'command',
                (document->>'at')::timestamptz, document->>'by', coalesce(document->'meta', '{}'), sum_, line_);
        INSERT INTO {schema}.cqrs_events (log, commit, position, id, stream, version, type, data, tags)
        SELECT log_, first, event.* FROM {schema}.cqrs_events_in(document) AS event;
        PERFORM pg_notify('cqrs', log_::text);
        RETURN QUERY SELECT CASE WHEN moved IS NULL THEN 'recorded' ELSE 'moved' END, moved;
    END $cqrs$
"""

_CHECKPOINTS = """
    CREATE TABLE {schema}.cqrs_checkpoints (
        reaction text NOT NULL,
        log text NOT NULL,
        position bigint NOT NULL,
        base_position bigint NOT NULL,
        base_digest text NOT NULL,
        begun bigint NOT NULL DEFAULT 0,
        passed text[] NOT NULL DEFAULT '{}',
        forgotten bigint NOT NULL DEFAULT 0,
        holder text NOT NULL DEFAULT '',
        held_until timestamptz NOT NULL DEFAULT '-infinity',
        PRIMARY KEY (reaction, log)
    );

    CREATE TABLE {schema}.cqrs_parked (
        reaction text NOT NULL,
        log text NOT NULL,
        event text NOT NULL,
        position bigint NOT NULL,
        error text NOT NULL,
        at timestamptz NOT NULL,
        tries bigint NOT NULL,
        PRIMARY KEY (reaction, log, event)
    )
"""

_SNAPSHOTS = """
    CREATE TABLE {schema}.cqrs_snapshots (
        log text NOT NULL,
        name text NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (log, name)
    )
"""

MIGRATIONS: tuple[Migration, ...] = (
    Migration("logs, their commits and events, and how one is appended", _LOGS),
    Migration("how far reactions have come, and the events that they could not react to", _CHECKPOINTS),
    Migration("snapshots", _SNAPSHOTS),
)
"""Those of version 1, 2 and so on."""
LATEST = len(MIGRATIONS)
"""The version of the tables that this program works with."""
VERSION = "SELECT max(version) FROM {schema}.cqrs_schema"
"""Selects the number of the last migration that was run."""

TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cqrs_schema": {"SELECT": ()},
    "cqrs_logs": {"SELECT": (), "INSERT": ("id", "name", "header"), "UPDATE": ("name", "archived")},
    "cqrs_commits": {
        "SELECT": (),
        # not `role`: its default is the session's role, so nobody can write that of another
        "INSERT": ("log", "position", "last", "command", "at", "author", "meta", "sum", "line"),
    },
    "cqrs_events": {
        "SELECT": (),
        "INSERT": ("log", "commit", "position", "id", "stream", "version", "type", "data", "tags"),
    },
    "cqrs_checkpoints": {"SELECT": (), "INSERT": (), "UPDATE": ()},
    "cqrs_parked": {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()},
    "cqrs_snapshots": {"SELECT": (), "INSERT": (), "UPDATE": (), "DELETE": ()},
}
"""The tables, and the privileges that a role needs on each: on these columns, or on the whole table where none is named."""

FUNCTIONS: Mapping[str, str] = {
    "cqrs_hold": "bigint",
    "cqrs_document": "text",
    "cqrs_events_in": "jsonb",
    "cqrs_append": "bigint, bigint, text, text, text, text[]",
}
"""The functions, and the types of their arguments."""
