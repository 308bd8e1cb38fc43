"""Column types and defaults that the models and the migrations share. No I/O."""

from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class UtcTimestamp(FunctionElement[Any]):
    """The server's present time in UTC, whatever time zone a writer's session is set to."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(UtcTimestamp)
def _compile_generic(_element: UtcTimestamp, _compiler: SQLCompiler, **_kw: object) -> str:
    return "CURRENT_TIMESTAMP"  # SQLite's is in UTC


@compiles(UtcTimestamp, "mysql", "mariadb")
def _compile_mysql(_element: UtcTimestamp, _compiler: SQLCompiler, **_kw: object) -> str:
    return "(UTC_TIMESTAMP())"


def enum_column_type(name: str, *values: str) -> sa.Enum:
    """Return an ENUM where there is one, else a VARCHAR whose CHECK is named `name`."""
    return sa.Enum(*values, name=name, create_constraint=True)


def str_enum_column_type(name: str, values: type[StrEnum]) -> sa.Enum:
    """Return the same column type, which reads and writes members of `values`."""
    return sa.Enum(
        values,
        name=name,
        create_constraint=True,
        values_callable=lambda members: [member.value for member in members],
    )


def case_insensitive(length: int) -> sa.types.TypeEngine[str]:
    """Return a VARCHAR that compares without regard to case; on MySQL by the tables' collation.

    Revision 0001 has it; since 0003 `identifier` has taken its place.
    """
    return sa.String(length, collation="NOCASE").with_variant(sa.String(length), "mysql", "mariadb")


def identifier(length: int, *, nocase: bool = False) -> sa.types.TypeEngine[str]:
    """Return a VARCHAR that compares by bytes on MySQL, whose own collations ignore accents.

    `nocase`: SQLite, which compares by bytes without being told, ignores the case of ASCII.
    """
    sqlite = sa.String(length, collation="NOCASE") if nocase else sa.String(length)
    return sqlite.with_variant(sa.String(length, collation="utf8mb4_bin"), "mysql", "mariadb")
