"""Give channels the settings of grace time, takeover, fallback, simulcast and dead air.

Revision: 0002. Follows: 0001.

Columns that are there already are passed over: MySQL commits each statement, so a crash on the way
leaves some of them behind. SQLite adds columns in place; making the table anew, as Alembic would
for the CHECKs, fails on the streams that refer to it.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("channels")}
    for column in _list_columns():
        if column.name not in there:
            op.add_column("channels", column)


def downgrade() -> None:
    """Take back."""
    for column in _list_columns():
        op.drop_column("channels", column.name)


def _list_columns() -> Iterator[sa.Column[Any]]:
    yield _number("graceTime", 30)
    yield _enum("takeover", "channel_takeover", "takeover", "refuse")
    yield _enum("formatChange", "channel_format_change", "continue", "end")
    yield _number("fallbackAfter", 5)
    yield _switch("alwaysOn")
    yield _switch("simulcast")
    yield _number("deadAirLevel", -50)
    yield _number("deadAirAfter", 20)
    yield _switch("deadAirFallback")
    yield sa.Column("fallbackFile", sa.String(255))
    yield sa.Column("fallbackTitle", sa.String(255))


def _number(name: str, default: int) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text(str(default)))


def _switch(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _enum(name: str, type_name: str, *values: str) -> sa.Column[str]:
    """Return what `columns.enum_column_type` makes, with the CHECK in the column itself."""
    checks = []
    if op.get_context().dialect.name == "sqlite":
        words = ", ".join(f"'{value}'" for value in values)
        checks.append(sa.CheckConstraint(f"{name} IN ({words})", name=type_name))
    kind = sa.Enum(*values, name=type_name)
    return sa.Column(name, kind, *checks, nullable=False, server_default=values[0])
