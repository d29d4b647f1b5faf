"""Where the services are, as one value that travels to settings, children and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlsplit, urlunsplit

from domain.errors import BadInput

#: Environment name of each field.
ENV_NAMES: dict[str, str] = {
    "database_url": "DATABASE_URL",
    "admin_database_url": "ADMIN_DATABASE_URL",
    "redis_url": "REDIS_URL",
    "s3_endpoint": "S3_ENDPOINT",
    "s3_access_key": "S3_ACCESS_KEY",
    "s3_secret_key": "S3_SECRET_KEY",
    "s3_bucket": "S3_BUCKET",
}

DEFAULT_BUCKET = "parley"


@dataclass(frozen=True)
class ServiceUrls:
    """Addresses and credentials; a part that was neither asked for nor given is an empty string.

    Attributes:
        database_url: `postgresql://` of the application's role (no superuser, bound by RLS).
        admin_database_url: The same database as its owner; for migrations and test databases.
        redis_url: `redis://[:password@]host:port/db`.
        s3_endpoint: `http(s)://host:port`.
        s3_access_key: Access key of the object store.
        s3_secret_key: Secret key of the object store.
        s3_bucket: The bucket, which exists.
    """

    database_url: str = ""
    admin_database_url: str = ""
    redis_url: str = ""
    s3_endpoint: str = ""
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_bucket: str = ""

    def __repr__(self) -> str:
        """Name the parts without their passwords: this ends up in logs and test reports."""
        hosts = (self.database_url, self.redis_url, self.s3_endpoint)
        return f"ServiceUrls({', '.join(urlsplit(url).netloc.rpartition('@')[2] for url in hosts)})"

    def as_env(self) -> dict[str, str]:
        """Return the environment variables of the parts that are there."""
        return {
            ENV_NAMES[f.name]: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)
        }

    def with_database(self, name: str) -> ServiceUrls:
        """Return the same services with another database of the same server."""
        return replace(
            self,
            database_url=at_database(self.database_url, name),
            admin_database_url=at_database(self.admin_database_url, name),
        )


def at_database(url: str, name: str) -> str:
    """Return a PostgreSQL URL with its database replaced; other parts are kept."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def given_urls(env: Mapping[str, str]) -> ServiceUrls:
    """Return what the environment sets; its parts are used instead of the embedded ones.

    Args:
        env: Usually `os.environ`.

    Raises:
        BadInput: if `S3_ENDPOINT` comes without its keys.
    """
    database = env.get("DATABASE_URL", "")
    endpoint = env.get("S3_ENDPOINT", "")
    access, secret = env.get("S3_ACCESS_KEY", ""), env.get("S3_SECRET_KEY", "")
    if endpoint and not (access and secret):
        raise BadInput(
            "s3_keys_missing",
            "S3_ENDPOINT is set: set S3_ACCESS_KEY and S3_SECRET_KEY too, or unset S3_ENDPOINT.",
        )
    return ServiceUrls(
        database_url=database,
        admin_database_url=env.get("ADMIN_DATABASE_URL", "") or database if database else "",
        redis_url=env.get("REDIS_URL", ""),
        s3_endpoint=endpoint,
        s3_access_key=access if endpoint else "",
        s3_secret_key=secret if endpoint else "",
        s3_bucket=(env.get("S3_BUCKET", "") or DEFAULT_BUCKET) if endpoint else "",
    )
