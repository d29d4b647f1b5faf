"""The back door: Celery tasks, run leases, outbox relay, stream consumers, schedules."""
