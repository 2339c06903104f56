"""What a hostile role puts in the schemas on the search path of another: nothing of it runs, and nothing is lost."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import psycopg
import pytest

from cqrs_todo.cqrs.errors import StoreUnavailable
from cqrs_todo.cqrs.store import Store
from cqrs_todo.cqrs.stores import open_store
from cqrs_todo.cqrs.stores.postgres import PostgresStore, scratch
from cqrs_todo.cqrs.stores.postgres.rights import MissingGrant, schemas_in
from cqrs_todo.cqrs.stores.postgres.schema import FUNCTIONS, TABLES
from cqrs_todo.cqrs.testing.examples import CONTRACT_TYPES, metadata, numbers, one

AT = datetime(2026, 11, 22, tzinfo=UTC)
_places = count(1)


def sql(database: str, statements: str, role: str = "") -> list[tuple[object, ...]]:
    """Run statements, as another role if one is named."""
    with psycopg.connect(database, autocommit=True) as connection:
        if role:
            connection.execute(f"SET ROLE {role}".encode())
        cursor = connection.execute(statements.encode())
        return cursor.fetchall() if cursor.description else []


class Place:
    """Two schemas in a database: `home` has the tables, `evil` is open to the attacker; and three roles."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.opened: list[Store] = []
        number = next(_places)
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
        """The URL with a search path, as a role."""
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
        """Let the attacker do something; $EVIL and $HOME are the schemas, RUN a body that notes that it ran."""
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
def place(server: str) -> Iterator[Place]:
    made = Place(server)
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
    "an overload of append with smaller numbers": f"CREATE FUNCTION $HOME.cqrs_append(int, int, text, text, text) {_APPEND}",
    "an overload of append with the types that psycopg sends": (
        f"CREATE FUNCTION $HOME.cqrs_append(smallint, smallint, text, text, text) {_APPEND}"
    ),
    "an overload of append with any number of arguments": (
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, VARIADIC text[]) {_APPEND}"
    ),
    "an overload of append with varchar": (
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, varchar, varchar, varchar) {_APPEND}"
    ),
    "append in another schema": f"CREATE FUNCTION $EVIL.cqrs_append(bigint, bigint, text, text, text) {_APPEND}",
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
        f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, $EVIL.mine, $EVIL.mine, $EVIL.mine) {_APPEND}"
    ),
    "a collation": 'CREATE COLLATION $EVIL."C" FROM pg_catalog."POSIX"',
}


@pytest.mark.parametrize("path", ["$HOME,$EVIL,pg_catalog", '"$user",pg_catalog,$HOME,$EVIL'])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_others_create_takes_over_nothing(place: Place, hostile: str, path: str) -> None:
    place.made()
    place.attack(HOSTILE[hostile])
    path = path.replace("$HOME", place.home).replace("$EVIL", place.evil)
    for role, number in ((place.clerk, 2), (place.owner, 4)):
        store = place.open(role, path)
        log = store.open("inbox")
        log.append(one("a/1", number, expected=number - 1), metadata(f"c{number}"))
        place.open(role, path).open("inbox").append(one("a/1", number + 1), metadata(f"c{number + 1}"))
        assert isinstance(store, PostgresStore)
        assert [each.name for each in store.logs()] == ["inbox"]
        store.checkpoints().save("r", "x", number)
        assert store.verify("inbox").damage is None
        store.close()
    assert numbers(place.open(place.owner).open("inbox").events()) == [1, 2, 3, 4, 5]
    assert sql(place.server, f"SELECT count(*) FROM {place.home}.cqrs_commits") == [(5,)]
    assert place.ran == []


def test_an_overload_with_a_default_keeps_others_from_working_but_does_not_run(place: Place) -> None:
    """PostgreSQL itself cannot decide which of the two is meant, so that it calls neither."""
    place.made()
    place.attack(f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text, more int DEFAULT 0) {_APPEND}")
    told = f"others made functions .* in the schema {place.home}.*nothing was recorded.*REVOKE CREATE ON SCHEMA {place.home}"
    with pytest.raises(StoreUnavailable, match=told):
        place.open(place.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    sql(place.server, f"DROP FUNCTION {place.home}.cqrs_append(bigint, bigint, text, text, text, int)")
    place.open(place.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    assert numbers(place.open(place.owner).open("inbox").events()) == [1, 2]
    assert place.ran == []


def test_a_schema_named_like_the_user_is_not_taken(place: Place) -> None:
    place.made()
    sql(
        place.server,
        f"CREATE SCHEMA {place.clerk} AUTHORIZATION {place.mallory}; GRANT ALL ON SCHEMA {place.clerk} TO PUBLIC",
    )
    store = place.open(place.clerk, f'"$user",{place.home}')
    store.open("inbox").append(one("a/1", 2), metadata("c2"))
    assert numbers(place.open(place.owner).open("inbox").events()) == [1, 2]


@pytest.mark.parametrize("version", ["0", "3"])
def test_tables_that_others_planted_are_refused_before_anything_in_them_runs(place: Place, version: str) -> None:
    """The attacker makes them all before the first use, with the right names, and hopes that somebody else uses them."""
    place.attack(
        "CREATE TABLE $HOME.cqrs_schema (version int, at timestamptz DEFAULT now(), what text);"
        "CREATE FUNCTION $HOME.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN NEW; END $$;"
        "CREATE TRIGGER t AFTER INSERT ON $HOME.cqrs_schema FOR EACH ROW EXECUTE FUNCTION $HOME.f();"
        + (f"INSERT INTO $HOME.cqrs_schema VALUES ({version}); DELETE FROM $EVIL.ran;" if version != "0" else "")
        + f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text) {_APPEND}"
        "GRANT ALL ON $HOME.cqrs_schema TO PUBLIC"
    )
    for role in (place.clerk, place.owner, "postgres"):
        with pytest.raises(
            StoreUnavailable, match=f"belongs to {place.mallory}, who owns neither the schema nor the database"
        ):
            place.open(role).create("inbox", AT)
        with pytest.raises(StoreUnavailable, match="nothing was run"):
            place.open(role).migrate()
    assert place.ran == []


def test_a_view_in_the_place_of_a_table_is_refused(place: Place) -> None:
    place.attack(
        "CREATE FUNCTION $HOME.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN 3; END $$;"
        "CREATE VIEW $HOME.cqrs_schema AS SELECT $HOME.f() AS version; GRANT ALL ON $HOME.cqrs_schema TO PUBLIC"
    )
    with pytest.raises(StoreUnavailable, match=r"cqrs_schema, which mallory_\d+ made, is not an ordinary table"):
        place.open(place.owner).names()
    assert place.ran == []


def test_one_function_that_others_planted_is_not_called(place: Place) -> None:
    """The attacker makes only what the migration would make, so that it fails instead of taking theirs for its own."""
    place.attack(f"CREATE FUNCTION $HOME.cqrs_append(bigint, bigint, text, text, text) {_APPEND}")
    with pytest.raises(StoreUnavailable, match=f"cqrs_append.* belongs to {place.mallory}"):
        place.open(place.owner).create("inbox", AT)
    assert place.ran == []


def test_tables_of_a_role_that_does_not_own_the_schema_wait_for_its_owner_to_say_so(place: Place) -> None:
    sql(
        place.server,
        f"ALTER SCHEMA {place.home} OWNER TO postgres; GRANT CREATE ON SCHEMA {place.home} TO {place.owner}",
    )
    place.made()
    with pytest.raises(StoreUnavailable, match=f"belongs to {place.owner}") as caught:
        place.open(place.clerk).names()
    sql(place.server, str(caught.value).partition("is right: ")[2])
    place.open(place.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))


@pytest.mark.parametrize("planted", ["cqrs_schema", "cqrs_logs"])
def test_a_schema_in_front_of_that_of_the_tables_takes_nothing_over(place: Place, planted: str) -> None:
    """The attacker even owns the schema in front, and has made all the tables there."""
    place.made()
    forged = open_store(place.url(place.evil, place.mallory), CONTRACT_TYPES)
    forged.create("inbox", AT)
    forged.close()
    place.attack(
        "CREATE FUNCTION $EVIL.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN $RUN; RETURN NEW; END $$;"
        f"CREATE TRIGGER t BEFORE INSERT ON $EVIL.{planted} FOR EACH ROW EXECUTE FUNCTION $EVIL.f();"
        "GRANT ALL ON ALL TABLES IN SCHEMA $EVIL TO PUBLIC"
    )
    store = place.open(place.owner, f"{place.evil},{place.home}")
    store.open("inbox").append(one("a/1", 2), metadata("c2"))
    store.create("work", AT)
    assert numbers(place.open(place.clerk).open("inbox").events()) == [1, 2]
    assert place.ran == []


def test_temporary_objects_of_the_session_shadow_nothing(place: Place) -> None:
    place.made()
    store = place.open(place.owner)
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
    assert numbers(place.open(place.clerk).open("inbox").events()) == [1, 2]


def test_the_path_of_the_session_and_of_every_function_is_fixed(place: Place) -> None:
    place.made()
    store = place.open(place.clerk, f"{place.home},{place.evil},public")
    assert isinstance(store, PostgresStore)
    assert store._database.rows("SELECT current_setting('search_path')") == [("pg_catalog, pg_temp",)]
    found = sql(
        place.server,
        f"SELECT proname::text, proconfig FROM pg_proc WHERE pronamespace = '{place.home}'::regnamespace ORDER BY 1",
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


def test_a_corner_is_a_schema_of_its_own(place: Place) -> None:
    with scratch(place.url(f"{place.home},{place.evil}", "postgres")) as corner:
        store = PostgresStore(corner, CONTRACT_TYPES)
        store.create("inbox", AT)
        assert store._database.schema.startswith("cqrs_scratch_")
        store.close()
    assert sql(place.server, f"SELECT to_regclass('{place.home}.cqrs_schema')") == [(None,)]


GRANTED = [(table, privilege) for table, privileges in TABLES.items() for privilege in privileges]
"""What can be missing: `cqrs_snapshots` is a cache, whose use is given up silently."""


@pytest.mark.parametrize(("table", "privilege"), [each for each in GRANTED if each[0] != "cqrs_snapshots"])
def test_a_missing_grant_is_named_in_one_line_and_is_enough(place: Place, table: str, privilege: str) -> None:
    place.made()
    sql(place.server, f"REVOKE {privilege} ON {place.home}.{table} FROM {place.clerk}")
    columns = TABLES[table][privilege]
    if columns:
        sql(place.server, f"REVOKE {privilege} ({', '.join(columns)}) ON {place.home}.{table} FROM {place.clerk}")

    def work(name: str) -> None:
        store = place.open(place.clerk)
        store.open("inbox").append(one("a/1", 2), metadata("c2"))
        store.create(name, AT)
        store.rename(name, f"{name}ed")
        store.verify("inbox")
        store.checkpoints().save("r", "x", store.checkpoints().load("r", "x") + 1)

    with pytest.raises(MissingGrant) as caught:
        work("first")
    told = str(caught.value)
    assert "\n" not in told
    (grant,) = told.partition("to allow it: ")[2].split("; ")
    only = f" ({', '.join(columns)})" if columns else ""
    assert grant == f"GRANT {privilege}{only} ON {place.home}.{table} TO {place.clerk}"
    sql(place.server, grant)
    work("second")


def test_other_missing_grants_are_named_too(place: Place) -> None:
    place.made()
    hold = f"FUNCTION {place.home}.cqrs_hold(bigint)"
    sql(place.server, f"REVOKE EXECUTE ON {hold} FROM PUBLIC")
    with pytest.raises(MissingGrant, match=re.escape(f"GRANT EXECUTE ON {hold} TO {place.clerk}")):
        place.open(place.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    sql(place.server, f"REVOKE USAGE ON SCHEMA {place.home} FROM PUBLIC")
    with pytest.raises(MissingGrant, match=f"GRANT USAGE ON SCHEMA {place.home} TO {place.clerk}$"):
        place.open(place.clerk).names()
    with (
        pytest.raises(MissingGrant, match=f"GRANT CREATE ON DATABASE postgres TO {place.clerk}$"),
        scratch(place.url(place.home, place.clerk)),
    ):
        pass
    empty = f"{place.home}_empty"
    sql(place.server, f"CREATE SCHEMA {empty}; GRANT USAGE ON SCHEMA {empty} TO {place.clerk}")
    with pytest.raises(MissingGrant, match=f"GRANT CREATE ON SCHEMA {empty} TO {place.clerk}$"):
        place.open(place.clerk, empty).names()
    sql(place.server, f"DROP SCHEMA {empty}")


def test_a_role_with_the_documented_grants_cannot_write_the_role_of_another(place: Place) -> None:
    place.made()
    place.open(place.clerk).open("inbox").append(one("a/1", 2), metadata("c2"))
    commits = f"{place.home}.cqrs_commits"
    assert sql(place.server, f"SELECT role FROM {commits} ORDER BY position") == [(place.owner,), (place.clerk,)]
    as_clerk = place.url(place.home, place.clerk)
    columns = "log, position, last, command, at, author, meta, sum, line"
    values = "log, 3, 3, 'c3', at, author, meta, sum, line"
    for change in (
        f"INSERT INTO {commits} ({columns}, role) SELECT {values}, 'boss' FROM {commits}",
        f"UPDATE {commits} SET role = 'boss'",
        f"INSERT INTO {place.home}.cqrs_logs (key, id, name, header) OVERRIDING SYSTEM VALUE VALUES (9, '', '', '')",
        f"UPDATE {place.home}.cqrs_logs SET id = 'x'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql(as_clerk, change)
    inserted = f"INSERT INTO {commits} ({columns}) SELECT {values} FROM {commits} LIMIT 1"
    sql(as_clerk, inserted)
    assert sql(place.server, f"SELECT role FROM {commits} WHERE position = 3") == [(place.clerk,)]
