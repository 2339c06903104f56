"""A hostile role creates objects in schemas on the search path of another role: none of them runs, and nothing is lost."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import psycopg
import pytest

from cqrs_todo.cqrs.checkpoints import Checkpoint, Parked
from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres.database import scratch
from cqrs_todo.cqrs.stores.postgres.heads import quick_heads
from cqrs_todo.cqrs.stores.postgres.rights import MissingGrant, schemas_in
from cqrs_todo.cqrs.stores.postgres.schema import FUNCTIONS, TABLES
from cqrs_todo.cqrs.stores.postgres.store import PostgresStore
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, metadata, numbers, one

AT = datetime(2026, 11, 22, tzinfo=UTC)
_numbers = count(1)


def sql(database: str, statements: str, role: str = "") -> list[tuple[object, ...]]:
    """Run statements, as another role if one is named."""
    with psycopg.connect(database, autocommit=True) as connection:
        if role:
            connection.execute(f"SET ROLE {role}".encode())
        cursor = connection.execute(statements.encode())
        return cursor.fetchall() if cursor.description else []


class Target:
    """A database with three roles and two schemas: `home` has the tables, and the attacker can create objects in `evil`."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.opened: list[Store] = []
        number = next(_numbers)
        self.home, self.evil = f"home_{number}", f"evil_{number}"
        self.owner, self.clerk, self.mallory = f"owner_{number}", f"clerk_{number}", f"mallory_{number}"
        sql(
            server,
            f"CREATE ROLE {self.owner} LOGIN; CREATE ROLE {self.clerk} LOGIN; CREATE ROLE {self.mallory} LOGIN;"
            f"CREATE SCHEMA {self.home} AUTHORIZATION {self.owner}; CREATE SCHEMA {self.evil} AUTHORIZATION {self.mallory};"
            f"GRANT USAGE ON SCHEMA {self.home}, {self.evil} TO PUBLIC;"
            f"CREATE TABLE {self.evil}.ran (what text); GRANT INSERT ON {self.evil}.ran TO PUBLIC;"
            f"ALTER TABLE {self.evil}.ran OWNER TO {self.mallory};"
            f"GRANT CREATE ON SCHEMA {self.home} TO {self.mallory}",
        )

    def url(self, path: str, role: str) -> str:
        """Return the URL for a role, with a search path."""
        path = path.replace(" ", "").replace(",", "%2C").replace('"', "%22").replace("$", "%24")
        url = re.sub(r"//[^:@/]*", f"//{role}", self.server, count=1)
        return f"{url}&options=-csearch_path%3D{path}"

    def open(self, role: str, path: str | None = None) -> Store:
        self.opened.append(open_store(self.url(path or self.home, role), CONTRACT_TYPES))
        return self.opened[-1]

    def made(self) -> None:
        """Let the owner make the tables, and the clerk use them."""
        store = self.open(self.owner)
        store.create("inbox", AT).append(one("a/1", 1), metadata("c1"))
        store.close()
        grants = [
            f"GRANT {privilege} {'(' + ', '.join(columns) + ')' if columns else ''} ON {self.home}.{table} TO {self.clerk}"
            for table, privileges in TABLES.items()
            for privilege, columns in privileges.items()
        ]
        sql(self.server, "; ".join(grants))

    def attack(self, statements: str) -> None:
        """Let the attacker do something; $EVIL and $HOME are the schemas, $RUN a body that records that it ran."""
        body = f"INSERT INTO {self.evil}.ran VALUES (session_user || ' as ' || current_user)"
        columns = (
            "(log bigint, position bigint, last bigint, command text, at timestamptz, author text, role text, meta jsonb,"
            " sum text, line text)"
        )
        text = (
            statements.replace("$COMMITS", columns)
            .replace("$EVIL", self.evil)
            .replace("$HOME", self.home)
            .replace("$RUN", body)
        )
        sql(self.server, text, self.mallory)

    @property
    def ran(self) -> list[tuple[object, ...]]:
        return sql(self.server, f"SELECT what FROM {self.evil}.ran")


@pytest.fixture
def target(server: str) -> Iterator[Target]:
    made = Target(server)
    yield made
    for store in made.opened:
        store.close()
    for role in (made.owner, made.clerk, made.mallory):
        sql(server, f"DROP OWNED BY {role} CASCADE")
    sql(
        server,
        f"DROP SCHEMA IF EXISTS {made.home}, {made.evil} CASCADE; DROP ROLE {made.owner}, {made.clerk}, {made.mallory}",
    )


_APPEND = """
    RETURNS TABLE (status text, known text) LANGUAGE plpgsql AS
    $$ BEGIN $RUN; RETURN QUERY SELECT 'recorded'::text, NULL::text; END $$;
"""
_TRUE = "RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN true; END $$;"
HOSTILE = {
    "an overload of append with smaller numbers": (
        f"CREATE FUNCTION $HOME.cqrs_append(int, int, text, text, text, text[]) {_APPEND}"
    ),
    "an overload of append with the types that psycopg sends": (
        f"CREATE FUNCTION $HOME.cqrs_append(smallint, smallint, text, text, text, text[]) {_APPEND}"
    ),
    "an overload of append with any number of arguments": (
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text, VARIADIC varchar[]) {_APPEND}"
    ),
    "an overload of append with varchar": (
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, varchar, varchar, varchar, varchar[]) {_APPEND}"
    ),
    "append in another schema": f"CREATE FUNCTION $EVIL.cqrs_append(bigint, bigint, text, text, text, text[]) {_APPEND}",
    "an overload of hold": f"CREATE FUNCTION $HOME.cqrs_hold(int) {_TRUE} CREATE FUNCTION $HOME.cqrs_hold(smallint) {_TRUE}",
    "hold in another schema": f"CREATE FUNCTION $EVIL.cqrs_hold(bigint) {_TRUE}",
    "an overload of document": (
        "CREATE FUNCTION $HOME.cqrs_document(varchar) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN '{}'; END $$;"
    ),
    "document in another schema": (
        "CREATE FUNCTION $EVIL.cqrs_document(text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN '{}'; END $$;"
    ),
    "an overload of events_in": (
        "CREATE FUNCTION $HOME.cqrs_events_in(json)"
        " RETURNS TABLE (place bigint, id text, stream text, version bigint, type text, data jsonb)"
        " LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN; END $$;"
    ),
    "a table of commits": "CREATE TABLE $EVIL.cqrs_commits $COMMITS",
    "a table of logs": "CREATE TABLE $EVIL.cqrs_logs (key bigint, id text, name text, archived boolean, header text)",
    "a table of versions": "CREATE TABLE $EVIL.cqrs_schema (version int, at timestamptz DEFAULT now(), what text)",
    "a later version": "CREATE TABLE $EVIL.cqrs_schema AS SELECT 99 AS version",
    "a view of commits": (
        "CREATE FUNCTION $EVIL.f() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 1; END $$;"
        "CREATE VIEW $EVIL.cqrs_commits AS SELECT $EVIL.f() AS log, 1::bigint AS position, 1::bigint AS last"
    ),
    "a view of logs": (
        "CREATE FUNCTION $EVIL.f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 'inbox'; END $$;"
        "CREATE VIEW $EVIL.cqrs_logs AS SELECT 1 AS key, $EVIL.f() AS name, '{}' AS header, false AS archived"
    ),
    "a table of events whose default runs code": (
        "CREATE FUNCTION $EVIL.f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN ''; END $$;"
        "CREATE TABLE $EVIL.cqrs_events (log bigint, commit bigint, position bigint, id text, stream text, version bigint,"
        " type text, data jsonb, more text DEFAULT $EVIL.f())"
    ),
    "a table of commits with a trigger": (
        "CREATE TABLE $EVIL.cqrs_commits $COMMITS;"
        "CREATE FUNCTION $EVIL.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN NULL; END $$;"
        "CREATE TRIGGER t BEFORE INSERT ON $EVIL.cqrs_commits FOR EACH ROW EXECUTE FUNCTION $EVIL.f()"
    ),
    "a lock that does nothing": "CREATE FUNCTION $EVIL.pg_advisory_xact_lock(bigint) RETURNS void LANGUAGE plpgsql AS"
    " $$ BEGIN $RUN; END $$;",
    "a hash": "CREATE FUNCTION $EVIL.hashtextextended(text, int) RETURNS bigint LANGUAGE plpgsql AS"
    " $$ BEGIN $RUN; RETURN 1; END $$;",
    "max": (
        "CREATE FUNCTION $EVIL.step(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 0; END $$;"
        "CREATE AGGREGATE $EVIL.max(bigint) (SFUNC = $EVIL.step, STYPE = bigint)"
    ),
    "current_setting and set_config": (
        "CREATE FUNCTION $EVIL.current_setting(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 'off'; END $$;"
        "CREATE FUNCTION $EVIL.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN $RUN; RETURN ''; END $$;"
    ),
    "strpos and jsonb_array_length": (
        "CREATE FUNCTION $EVIL.strpos(text, text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 0; END $$;"
        "CREATE FUNCTION $EVIL.jsonb_array_length(jsonb) RETURNS int LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 0; END $$;"
    ),
    "an operator = of bigint and smallint": (
        f"CREATE FUNCTION $EVIL.same(bigint, smallint) {_TRUE}"
        "CREATE OPERATOR $EVIL.= (LEFTARG = bigint, RIGHTARG = smallint, FUNCTION = $EVIL.same)"
    ),
    "an operator = of text": (
        f"CREATE FUNCTION $EVIL.same(text, text) {_TRUE}"
        "CREATE OPERATOR $EVIL.= (LEFTARG = text, RIGHTARG = text, FUNCTION = $EVIL.same)"
    ),
    "an operator <> of bigint": (
        f"CREATE FUNCTION $EVIL.differs(bigint, bigint) {_TRUE}"
        "CREATE OPERATOR $EVIL.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = $EVIL.differs)"
    ),
    "an operator || of text and bigint, which PostgreSQL has not": (
        "CREATE FUNCTION $HOME.join(text, bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 'x'; END $$;"
        "CREATE OPERATOR $HOME.|| (LEFTARG = text, RIGHTARG = bigint, FUNCTION = $HOME.join)"
    ),
    "an operator ->> of jsonb": (
        "CREATE FUNCTION $EVIL.get(jsonb, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN '1'; END $$;"
        "CREATE OPERATOR $EVIL.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = $EVIL.get)"
    ),
    "types with the names of PostgreSQL's": (
        f"CREATE FUNCTION $EVIL.valid(varchar) {_TRUE}"
        "CREATE DOMAIN $EVIL.text AS varchar CHECK ($EVIL.valid(VALUE)); CREATE DOMAIN $EVIL.jsonb AS varchar;"
        "CREATE DOMAIN $EVIL.timestamptz AS varchar; CREATE TYPE $EVIL.int8 AS ENUM ('x')"
    ),
    "a cast from a type of its own": (
        "CREATE TYPE $EVIL.mine AS (line varchar);"
        "CREATE FUNCTION $EVIL.to_text($EVIL.mine) RETURNS pg_catalog.text LANGUAGE plpgsql AS"
        " $$ BEGIN $RUN; RETURN 'x'; END $$;"
        "CREATE CAST ($EVIL.mine AS pg_catalog.text) WITH FUNCTION $EVIL.to_text($EVIL.mine) AS IMPLICIT;"
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, $EVIL.mine, $EVIL.mine, $EVIL.mine, text[]) {_APPEND}"
    ),
    "a collation": 'CREATE COLLATION $EVIL."C" FROM pg_catalog."POSIX"',
}


@pytest.mark.parametrize("path", ["$HOME,$EVIL,pg_catalog", '"$user",pg_catalog,$HOME,$EVIL'])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_others_create_takes_over_nothing(target: Target, hostile: str, path: str) -> None:
    target.made()
    target.attack(HOSTILE[hostile])
    path = path.replace("$HOME", target.home).replace("$EVIL", target.evil)
    for role, number in ((target.clerk, 2), (target.owner, 4)):
        store = target.open(role, path)
        log = store.open("inbox")
        log.append(one("a/1", number, expected=number - 1), metadata(f"c{number}"))
        target.open(role, path).open("inbox").append(one("a/1", number + 1), metadata(f"c{number + 1}"))
        assert isinstance(store, PostgresStore)
        assert [each.name for each in store.logs()] == ["inbox"]
        store.checkpoints().save("r", "x", Checkpoint(number))
        assert store.verify("inbox").damage is None
        store.close()
    assert numbers(target.open(target.owner).open("inbox").events()) == [1, 2, 3, 4, 5]
    assert sql(target.server, f"SELECT count(*) FROM {target.home}.cqrs_commits") == [(5,)]
    assert target.ran == []


def test_an_overload_with_a_default_keeps_others_from_working_but_does_not_run(target: Target) -> None:
    """PostgreSQL itself cannot decide which of the two is meant, so that it calls neither."""
    target.made()
    target.attack(
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text, text[], more int DEFAULT 0) {_APPEND}"
    )
    message = (
        f"others made functions .* in the schema {target.home}.*nothing was recorded.*REVOKE CREATE ON SCHEMA {target.home}"
    )
    with pytest.raises(StoreUnavailable, match=message):
        target.open(target.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    sql(target.server, f"DROP FUNCTION {target.home}.cqrs_append(bigint, bigint, text, text, text, text[], int)")
    target.open(target.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    assert numbers(target.open(target.owner).open("inbox").events()) == [1, 2]
    assert target.ran == []


def test_a_schema_named_like_the_user_is_not_taken(target: Target) -> None:
    target.made()
    sql(
        target.server,
        f"CREATE SCHEMA {target.clerk} AUTHORIZATION {target.mallory}; GRANT ALL ON SCHEMA {target.clerk} TO PUBLIC",
    )
    store = target.open(target.clerk, f'"$user",{target.home}')
    store.open("inbox").append(one("a/1", 2), metadata("c2"))
    assert numbers(target.open(target.owner).open("inbox").events()) == [1, 2]


@pytest.mark.parametrize("version", ["0", "3"])
def test_tables_that_others_planted_are_refused_before_anything_in_them_runs(target: Target, version: str) -> None:
    """The attacker makes them all before the first use, with the right names, and hopes that somebody else uses them."""
    target.attack(
        "CREATE TABLE $HOME.cqrs_schema (version int, at timestamptz DEFAULT now(), what text);"
        "CREATE FUNCTION $HOME.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN NEW; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON $HOME.cqrs_schema FOR EACH ROW EXECUTE FUNCTION $HOME.f();"
        + (f"INSERT INTO $HOME.cqrs_schema VALUES ({version}); DELETE FROM $EVIL.ran;" if version != "0" else "")
        + f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text, text[]) {_APPEND}"
        "GRANT ALL ON $HOME.cqrs_schema TO PUBLIC"
    )
    for role in (target.clerk, target.owner, "postgres"):
        with pytest.raises(
            StoreUnavailable, match=f"belongs to {target.mallory}, who owns neither the schema nor the database"
        ):
            target.open(role).create("inbox", AT)
        with pytest.raises(StoreUnavailable, match="nothing was run"):
            target.open(role).migrate()
        assert quick_heads(target.url(target.home, role)) is None
    assert target.ran == []


def test_a_view_in_the_place_of_a_table_is_refused(target: Target) -> None:
    target.attack(
        "CREATE FUNCTION $HOME.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 3; END $$;"
        "CREATE VIEW $HOME.cqrs_schema AS SELECT $HOME.f() AS version; GRANT ALL ON $HOME.cqrs_schema TO PUBLIC"
    )
    with pytest.raises(StoreUnavailable, match=r"cqrs_schema, which mallory_\d+ made, is not an ordinary table"):
        target.open(target.owner).names()
    assert quick_heads(target.url(target.home, target.owner)) is None
    assert target.ran == []


def test_one_function_that_others_planted_is_not_called(target: Target) -> None:
    """The attacker makes only what the migration would make, so that it fails instead of taking theirs for its own."""
    target.attack(f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text, text[]) {_APPEND}")
    with pytest.raises(StoreUnavailable, match=f"cqrs_append.* belongs to {target.mallory}"):
        target.open(target.owner).create("inbox", AT)
    assert target.ran == []


def test_tables_of_a_role_that_does_not_own_the_schema_wait_for_its_owner_to_say_so(target: Target) -> None:
    sql(
        target.server,
        f"ALTER SCHEMA {target.home} OWNER TO postgres; GRANT CREATE ON SCHEMA {target.home} TO {target.owner}",
    )
    target.made()
    with pytest.raises(StoreUnavailable, match=f"belongs to {target.owner}") as caught:
        target.open(target.clerk).names()
    assert quick_heads(target.url(target.home, target.clerk)) is None
    sql(target.server, str(caught.value).partition("is right: ")[2])
    target.open(target.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))


@pytest.mark.parametrize("planted", ["cqrs_schema", "cqrs_logs"])
def test_a_schema_in_front_of_that_of_the_tables_takes_nothing_over(target: Target, planted: str) -> None:
    """The attacker even owns the schema in front, and has made all the tables there."""
    target.made()
    forged = open_store(target.url(target.evil, target.mallory), CONTRACT_TYPES)
    forged.create("inbox", AT)
    forged.close()
    target.attack(
        "CREATE FUNCTION $EVIL.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN NEW; END $$;"
        f"CREATE TRIGGER t BEFORE INSERT ON $EVIL.{planted} FOR EACH ROW EXECUTE FUNCTION $EVIL.f();"
        "GRANT ALL ON ALL TABLES IN SCHEMA $EVIL TO PUBLIC"
    )
    store = target.open(target.owner, f"{target.evil},{target.home}")
    store.open("inbox").append(one("a/1", 2), metadata("c2"))
    store.create("work", AT)
    assert numbers(target.open(target.clerk).open("inbox").events()) == [1, 2]
    found = quick_heads(target.url(f"{target.evil},{target.home}", target.owner))
    assert found is not None
    assert {head.name for head in found.heads} == {"inbox", "work"}
    assert target.ran == []


def test_temporary_objects_of_the_session_shadow_nothing(target: Target) -> None:
    target.made()
    store = target.open(target.owner)
    log = store.open("inbox")
    assert isinstance(store, PostgresStore)
    store._database.run(
        lambda connection: connection.execute(
            b"CREATE TEMP TABLE cqrs_commits (log bigint); CREATE TEMP TABLE cqrs_logs (key bigint);"
            b"CREATE DOMAIN pg_temp.jsonb AS int; CREATE DOMAIN pg_temp.text AS int; CREATE TEMP TABLE pg_class (oid int)"
        )
    )
    log.append(one("a/1", 2), metadata("c2"))
    assert store.verify("inbox").damage is None
    assert numbers(target.open(target.clerk).open("inbox").events()) == [1, 2]


def test_the_path_of_the_session_and_of_every_function_is_fixed(target: Target) -> None:
    target.made()
    store = target.open(target.clerk, f"{target.home},{target.evil},public")
    assert isinstance(store, PostgresStore)
    assert store._database.rows("SELECT current_setting('search_path')") == [("pg_catalog, pg_temp",)]
    found = sql(
        target.server,
        f"SELECT proname::text, proconfig FROM pg_proc WHERE pronamespace = '{target.home}'::regnamespace ORDER BY 1",
    )
    assert found == [(name, ["search_path=pg_catalog, pg_temp"]) for name in sorted(FUNCTIONS)]


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ('"$user", public', "public"),
        ("app", "app"),
        ("App, public", "app"),
        ('"App", public', "App"),
        ('"a ""b"", c", public', 'a "b", c'),
        ('pg_catalog, pg_temp, "$user", app', "app"),
        ("", "public"),
        ('""', "public"),
    ],
)
def test_the_schema_is_the_first_that_the_path_names(path: str, schema: str) -> None:
    assert schemas_in(path)[0] == schema


def test_odd_names_of_schemas(server: str) -> None:
    for name in ("Mixed", 'a"b', "a%sb", "a b", "über", "select"):
        quoted = '"' + name.replace('"', '""') + '"'
        sql(server, f"CREATE SCHEMA {quoted}")
        path = quoted.replace("%", "%25").replace('"', "%22").replace(" ", "%5C%20")
        store = open_store(f"{server}&options=-csearch_path%3D{path}", CONTRACT_TYPES)
        store.create("inbox", AT).append(one("a/1", 1), metadata("c1"))
        assert store.verify("inbox").damage is None
        store.close()
        assert sql(server, f"SELECT count(*) FROM {quoted}.cqrs_commits") == [(1,)]
        sql(server, f"DROP SCHEMA {quoted} CASCADE")


def test_a_schema_that_is_not_there_is_named(server: str) -> None:
    store = open_store(f"{server}&options=-csearch_path%3Dnowhere", CONTRACT_TYPES)
    with pytest.raises(StoreUnavailable, match=r"there is no schema nowhere; to make it: CREATE SCHEMA nowhere$"):
        store.names()


def test_a_scratch_area_is_a_separate_schema(target: Target) -> None:
    with scratch(target.url(f"{target.home},{target.evil}", "postgres")) as area:
        store = PostgresStore(area, CONTRACT_TYPES)
        store.create("inbox", AT)
        assert store._database.schema.startswith("cqrs_scratch_")
        store.close()
    assert sql(target.server, f"SELECT to_regclass('{target.home}.cqrs_schema')") == [(None,)]


GRANTED = [(table, privilege) for table, privileges in TABLES.items() for privilege in privileges]
"""What can be missing: `cqrs_snapshots` is a cache, whose use is given up silently."""


@pytest.mark.parametrize(("table", "privilege"), [each for each in GRANTED if each[0] != "cqrs_snapshots"])
def test_a_missing_grant_is_named_in_one_line_and_is_enough(target: Target, table: str, privilege: str) -> None:
    target.made()
    sql(target.server, f"REVOKE {privilege} ON {target.home}.{table} FROM {target.clerk}")
    columns = TABLES[table][privilege]
    if columns:
        sql(target.server, f"REVOKE {privilege} ({', '.join(columns)}) ON {target.home}.{table} FROM {target.clerk}")

    def work(name: str) -> None:
        store = target.open(target.clerk)
        store.open("inbox").append(one("a/1", 2), metadata("c2"))
        store.create(name, AT)
        store.rename(name, f"{name}ed")
        store.verify("inbox")
        store.checkpoints().save("r", "x", Checkpoint(store.checkpoints().load("r", "x").position + 1))
        for parked in (Parked("c1/1", 1, "ValueError: no", AT, tries) for tries in (1, 2)):
            store.checkpoints().park("r", "x", parked)
        for parked in store.checkpoints().parked("r", "x"):
            store.checkpoints().unpark("r", "x", parked.event)

    with pytest.raises(MissingGrant) as caught:
        work("first")
    message = str(caught.value)
    assert "\n" not in message
    (grant,) = message.partition("to allow it: ")[2].split("; ")
    only = f" ({', '.join(columns)})" if columns else ""
    assert grant == f"GRANT {privilege}{only} ON {target.home}.{table} TO {target.clerk}"
    sql(target.server, grant)
    work("second")


def test_other_missing_grants_are_named_too(target: Target) -> None:
    target.made()
    hold = f"FUNCTION {target.home}.cqrs_hold(bigint)"
    sql(target.server, f"REVOKE EXECUTE ON {hold} FROM PUBLIC")
    with pytest.raises(MissingGrant, match=re.escape(f"GRANT EXECUTE ON {hold} TO {target.clerk}")):
        target.open(target.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    sql(target.server, f"REVOKE USAGE ON SCHEMA {target.home} FROM PUBLIC")
    with pytest.raises(MissingGrant, match=f"GRANT USAGE ON SCHEMA {target.home} TO {target.clerk}$"):
        target.open(target.clerk).names()
    with (
        pytest.raises(MissingGrant, match=f"GRANT CREATE ON DATABASE postgres TO {target.clerk}$"),
        scratch(target.url(target.home, target.clerk)),
    ):
        pass
    empty = f"{target.home}_empty"
    sql(target.server, f"CREATE SCHEMA {empty}; GRANT USAGE ON SCHEMA {empty} TO {target.clerk}")
    with pytest.raises(MissingGrant, match=f"GRANT CREATE ON SCHEMA {empty} TO {target.clerk}$"):
        target.open(target.clerk, empty).create("inbox", AT)
    sql(target.server, f"DROP SCHEMA {empty}")


def test_a_role_with_the_documented_grants_cannot_write_the_role_of_another(target: Target) -> None:
    target.made()
    target.open(target.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    commits = f"{target.home}.cqrs_commits"
    assert sql(target.server, f"SELECT role FROM {commits} ORDER BY position") == [(target.owner,), (target.clerk,)]
    as_clerk = target.url(target.home, target.clerk)
    columns = "log, position, last, command, at, author, meta, sum, line"
    values = "log, 3, 3, 'c3', at, author, meta, sum, line"
    for change in (
        f"INSERT INTO {commits} ({columns}, role) SELECT {values}, 'boss' FROM {commits}",
        f"UPDATE {commits} SET role = 'boss'",
        f"INSERT INTO {target.home}.cqrs_logs (key, id, name, header) OVERRIDING SYSTEM VALUE VALUES (9, '', '', '')",
        f"UPDATE {target.home}.cqrs_logs SET id = 'x'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql(as_clerk, change)
    inserted = f"INSERT INTO {commits} ({columns}) SELECT {values} FROM {commits} LIMIT 1"
    sql(as_clerk, inserted)
    assert sql(target.server, f"SELECT role FROM {commits} WHERE position = 3") == [(target.clerk,)]


def test_only_the_owner_of_the_tables_makes_a_log_forget(target: Target) -> None:
    target.made()
    clerk = target.open(target.clerk)
    clerk.open("inbox").append(one("a/2", 2), metadata("c2"))
    with pytest.raises(MissingGrant, match=f"only {target.owner}, who owns the tables, .*; do it as {target.owner}$"):
        clerk.forget("inbox", ["a/1"])
    assert clerk.verify("inbox").forgotten == 0
    assert target.open(target.owner).forget("inbox", ["a/1"]).events == 1
    assert clerk.open("inbox").append(one("a/2", 3), metadata("c3")).position == 3
    sql(target.server, f"GRANT {target.owner} TO {target.clerk}")
    assert target.open(target.clerk).forget("inbox", ["a/2"]).events == 2
