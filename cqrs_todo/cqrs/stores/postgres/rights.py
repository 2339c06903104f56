"""Rights in a database: can the owner of the tables be trusted, and which grant is missing?

This needs no library of its own: it works on connections of any library that are made to look like those of psycopg.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ...errors import StoreUnavailable
from .schema import FUNCTIONS, TABLES


class Rows(Protocol):
    """What a query found."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row; None if there is none left."""

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        """Return the rows that are left."""


class Connection(Protocol):
    """A connection to a server."""

    def execute(self, query: bytes, params: Sequence[Any] | Mapping[str, Any] | None = None, /) -> Rows:
        """Run a statement; if there are values, with `%s` or `%(name)s` for each of them."""


class MissingGrant(StoreUnavailable):
    """The role lacks a privilege. The message is one line, which names the grant."""

    hint = None


class UnusableSchema(StoreUnavailable):
    """The schema does not exist, or its tables may be forged. The message says how to change that."""

    hint = None


def quoted(name: str) -> str:
    """Return a name as a quoted identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def written(name: str) -> str:
    """Return a name as a person would write it in SQL: in quotation marks only if it needs them."""
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) else quoted(name)


def schemas_in(path: str) -> list[str]:
    """Return the schemas in a search path, without "$user" and PostgreSQL's own; `public` if there are no others.

    A schema with the name of the user is left out, because anyone who may create schemas could put theirs in front.

    Args:
        path: The setting `search_path`, as the server shows it.
    """
    names: list[str] = []
    for found in re.finditer(r'"(?:[^"]|"")*"|[^\s,"]+', path):
        name: str = found[0]
        plain = name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
        if plain and plain not in ("$user", "information_schema") and not plain.startswith("pg_"):
            names.append(plain)
    return names or ["public"]


# Nothing may be found through the search path but what is PostgreSQL's own. The path that was configured says which schema
# holds the tables. A role or a server may have defaults with which appends fail, or are lost after they were reported; and
# without standard strings, backslashes in our SQL would mean something else.
CONFIGURED_PATH = "SELECT pg_catalog.current_setting('search_path')"
"""Selects the search path that was configured, as long as `SETTINGS` were not made."""
SETTINGS = """
    SET search_path = pg_catalog, pg_temp;
    SET statement_timeout = '60s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s';
    SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""The settings with which each connection begins."""
_TRUSTED = """
    SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()
"""
_WITH_TABLES = f"""
    SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relname = 'cqrs_schema' AND nspname = ANY(%s::text[]) AND relowner IN ({_TRUSTED})
"""
_PLANTED = f"""
    WITH place AS (SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname = %(schema)s),
    trusted AS ({_TRUSTED} UNION SELECT nspowner FROM place),
    found AS (
        SELECT relname::text AS name, relowner AS owner, relkind = 'r' AS sound FROM pg_class, place
        WHERE relnamespace = place.oid AND relname = ANY(%(tables)s::text[])
        UNION ALL
        SELECT signature, proowner, true FROM unnest(%(functions)s::text[]) AS signature, place, pg_proc
        WHERE pg_proc.oid = to_regprocedure(quote_ident(nspname) || '.' || signature)
    )
    SELECT place.oid IS NOT NULL, found.name, pg_get_userbyid(found.owner), found.sound
    FROM (SELECT) AS always LEFT JOIN place ON true
    LEFT JOIN found ON found.owner NOT IN (SELECT oid FROM trusted) OR NOT sound
    LIMIT 1
"""


def schema_of(connection: Connection, path: str) -> str:
    """Return the schema in a search path that holds the tables.

    It is the first in which the tables belong to this role, a superuser or the owner of the database. If there are no such
    tables, it is the first schema.
    """
    names = schemas_in(path)
    if len(names) == 1:
        return names[0]
    known = {name for (name,) in connection.execute(_WITH_TABLES.encode(), (names,)).fetchall()}
    return next((name for name in names if name in known), names[0])


def check_owners(connection: Connection, schema: str, address: str) -> None:
    """Check that the tables and functions can be trusted. This only reads the system catalogs.

    They run with the rights of the role that uses them, and another role that may create objects in the schema could have
    made them first. So their owner must be this role, a superuser, or the owner of the schema or the database.

    Raises:
        UnusableSchema: They have another owner, or the schema does not exist.
    """
    functions = [f"{name}({types})" for name, types in FUNCTIONS.items()]
    values = {"schema": schema, "tables": list(TABLES), "functions": functions}
    row = connection.execute(_PLANTED.encode(), values).fetchone()
    if row is None:
        raise AssertionError("the query gives one row")
    exists, name, owner, sound = row
    place = written(schema)
    if not exists:
        raise UnusableSchema(f"{address}: there is no schema {place}; to make it: CREATE SCHEMA {place}")
    if name is not None and not sound:
        raise UnusableSchema(f"{address}: {place}.{name}, which {owner} made, is not an ordinary table; nothing was run")
    if name is not None:
        raise UnusableSchema(
            f"{address}: {place}.{name} belongs to {owner}, who owns neither the schema nor the database, so it may be"
            f" forged; nothing was run. If {owner} is right: ALTER SCHEMA {place} OWNER TO {written(str(owner))}"
        )


_IS_GRANTED = """
    SELECT current_user, current_database(),
           coalesce(has_schema_privilege(to_regnamespace(quote_ident(%(schema)s))::oid, 'USAGE'), true),
           coalesce(has_schema_privilege(to_regnamespace(quote_ident(%(schema)s))::oid, 'CREATE'), true),
           has_database_privilege(current_database(), 'CREATE')
"""
_MISSING_ON_TABLE = """
    SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %(schema)s AND relname = %(table)s AND NOT has_table_privilege(pg_class.oid, %(privilege)s)
    AND CASE WHEN %(privilege)s = 'DELETE' THEN true  -- there is no such privilege on columns
        ELSE EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
                     AND (%(columns)s::text[] = '{}' OR attname = ANY(%(columns)s::text[]))
                     AND NOT has_column_privilege(pg_class.oid, attnum, %(privilege)s)) END
"""
_MISSING_ON_FUNCTION = """
    SELECT 1 WHERE NOT has_function_privilege(to_regprocedure(quote_ident(%s) || '.' || %s)::oid, 'EXECUTE')
"""


def missing_grants(connection: Connection, schema: str, statement: str) -> list[str]:
    """Return the grants that the role of a connection lacks to run a statement, each as the SQL that gives it."""
    row = connection.execute(_IS_GRANTED.encode(), {"schema": schema}).fetchone()
    if row is None:
        raise AssertionError("a query without FROM gives one row")
    user, database, usage, create, schemas = row
    role, place = written(str(user)), written(schema)
    if statement.startswith("CREATE SCHEMA"):
        return [] if schemas else [f"GRANT CREATE ON DATABASE {written(str(database))} TO {role}"]
    if not usage:
        return [f"GRANT USAGE ON SCHEMA {place} TO {role}"]
    if "CREATE TABLE" in statement:
        return [] if create else [f"GRANT CREATE ON SCHEMA {place} TO {role}"]
    prefix = "" if schema == "public" else f"{place}."
    missing: list[str] = []
    for name, privilege in _needs(statement):
        if privilege == "EXECUTE":
            signature = f"{name}({FUNCTIONS[name]})"
            if connection.execute(_MISSING_ON_FUNCTION.encode(), (schema, signature)).fetchone():
                missing.append(f"GRANT EXECUTE ON FUNCTION {prefix}{signature} TO {role}")
        else:
            columns = list(TABLES[name][privilege])
            asked = {"schema": schema, "table": name, "privilege": privilege, "columns": columns}
            if connection.execute(_MISSING_ON_TABLE.encode(), asked).fetchone():
                only = f" ({', '.join(columns)})" if columns else ""
                missing.append(f"GRANT {privilege}{only} ON {prefix}{name} TO {role}")
    return missing


_APPENDS = (
    *((name, "EXECUTE") for name in FUNCTIONS),
    ("cqrs_logs", "SELECT"),
    *((table, privilege) for table in ("cqrs_commits", "cqrs_events") for privilege in ("SELECT", "INSERT")),
)
"""The privileges that `cqrs_append` needs, because it runs with the rights of the role that calls it."""


def _needs(statement: str) -> Iterator[tuple[str, str]]:
    """Yield the privileges that a statement needs: the table or function, and the privilege."""
    if "cqrs_append" in statement:
        yield from _APPENDS
        return
    for name in dict.fromkeys(re.findall("cqrs_[a-z_]+", statement)):
        if name in FUNCTIONS:
            yield name, "EXECUTE"
        for privilege in TABLES.get(name, ()):
            if privilege == "SELECT" or privilege in statement:
                yield name, privilege
