"""The Celery application: settings that make redelivery quick and double delivery harmless."""

from __future__ import annotations

from celery import Celery

RUN_TASK = "parley.run"
COMPILE_TASK = "parley.compile"
INGEST_TASK = "parley.ingest"

#: Seconds. The soft limit must stay below the hard one, and that below the broker's visibility timeout,
#: or the broker hands a task that is still running to a second worker.
SOFT_LIMIT, HARD_LIMIT, VISIBILITY = 270, 300, 360


def make_celery(broker_url: str) -> Celery:
    """Return an application that knows the broker and the tasks' names.

    Args:
        broker_url: `redis://…`.
    """
    app = Celery("parley", broker=broker_url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_soft_time_limit=SOFT_LIMIT,
        task_time_limit=HARD_LIMIT,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_proc_alive_timeout=60,
        # Nobody sends remote commands; listening for them (pub/sub) can block for ever after the broker
        # was restarted, and with it the whole worker.
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY,
            # Without these two the sweep for lost deliveries takes about 100 s.
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_connect_timeout": 3,
            # Longer than a blocking pop waits (1 s). Without it a reply that is lost is waited for for ever.
            "socket_timeout": 5,
            "retry_on_timeout": True,
        },
        task_publish_retry_policy={"max_retries": 3, "interval_start": 0.1, "interval_max": 1.0},
        accept_content=["json"],
    )
    return app
