"""The installation that a command is about: the environment's, or the one that runs in this home."""

from __future__ import annotations

import os

from bootstrap.embedded import default_home, read_state
from bootstrap.settings import Settings, load_settings, local_secret
from domain.errors import Unavailable


def current_settings() -> Settings:
    """Return the settings of the environment, or of the installation that runs in this home.

    Raises:
        Unavailable: if there is neither.
    """
    home = default_home(os.environ)
    given = dict(os.environ)
    if "DATABASE_URL" not in given:
        urls = read_state(home)
        if urls is None:
            raise not_running()
        given.update(urls.as_env())
    if "PARLEY_SECRET_KEY" not in given and (home / "secret.key").exists():
        given["PARLEY_SECRET_KEY"] = local_secret(home)
    given["PARLEY_HOME"] = str(home)
    return load_settings(given)


def not_running() -> Unavailable:
    """Return the error of a command that needs the service."""
    return Unavailable(
        "service_not_running", "Parley is not running here; start it with `make up` or `parley up`."
    )
