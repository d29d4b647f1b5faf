"""The engine room for data: PostgreSQL sessions, Redis, objects, outbox, migrations. No business rules."""
