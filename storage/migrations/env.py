"""Alembic environment; the connection and the tables are handed in by `storage.migrate`."""

from alembic import context

config = context.config


def _run() -> None:
    context.configure(
        connection=config.attributes["connection"],
        target_metadata=config.attributes["metadata"],
        compare_type=True,
        transaction_per_migration=False,
        include_schemas=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
