"""Compose, embedded parts and tests load into the same settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bootstrap.embedded import ServiceUrls
from bootstrap.settings import Settings, load_settings, local_secret
from domain.errors import Unprocessable

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def dotenv() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def fill(value: str, variables: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(":-")
        return variables.get(name, default)

    filled = re.sub(r"\$\{([^}]+)\}", one, value)
    assert "${" not in filled
    return filled


@pytest.mark.parametrize("name", ["api", "worker", "ticker", "migrate"])
def test_compose_services_load_into_the_settings(name: str) -> None:
    environment = {
        k: fill(str(v), dotenv()) for k, v in COMPOSE["services"][name]["environment"].items()
    }
    settings = load_settings(environment)
    assert settings.parley_env == "production"
    assert settings.celery_broker.endswith("/1")
    assert settings.migration_url != settings.database_url


def test_embedded_services_load_into_the_same_settings(urls: ServiceUrls) -> None:
    secret = dotenv()["PARLEY_SECRET_KEY"]
    embedded = load_settings({**urls.as_env(), "PARLEY_SECRET_KEY": secret})
    environment = {
        k: fill(str(v), dotenv()) for k, v in COMPOSE["services"]["api"]["environment"].items()
    }
    composed = load_settings(environment)
    assert type(embedded) is type(composed) is Settings
    part_names = set(urls.as_env())
    assert part_names <= set(environment)
    assert embedded.key("nonce") == composed.key("nonce") != composed.key("receipt")


def test_compose_is_closed_and_complete() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"db", "redis", "objects", "migrate", "api", "worker", "ticker"}
    for name, service in services.items():
        assert ("image" in service) != ("build" in service), name
        for needed in service.get("depends_on", {}):
            assert needed in services
    published = {name for name, service in services.items() if service.get("ports")}
    assert published == {"api"}
    named = {
        v.split(":")[0] for s in services.values() for v in s.get("volumes", []) if v[0] != "."
    }
    assert named == set(COMPOSE["volumes"])
    assert (ROOT / "deploy/postgres-init.sh").read_text().count("NOBYPASSRLS") == 1


def test_compose_takes_every_secret_from_the_environment() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"\$\{(\w+)", text)) <= set(dotenv())
    assert not re.findall(r"(?i)(password|secret_key): +[^$\s]", text)


def test_missing_settings_are_named() -> None:
    with pytest.raises(Unprocessable, match=r"DATABASE_URL.*PARLEY_SECRET_KEY.*REDIS_URL"):
        load_settings({})
    with pytest.raises(Unprocessable, match="PARLEY_SECRET_KEY"):
        load_settings({**_enough(), "PARLEY_SECRET_KEY": "short"})


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://:pw@127.0.0.1:6379/0", "redis://:pw@127.0.0.1:6379/1"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1"),
        ("redis://h:1/14", "redis://h:1/15"),
    ],
)
def test_the_broker_is_the_next_database_of_the_same_server(redis: str, broker: str) -> None:
    assert load_settings({**_enough(), "REDIS_URL": redis}).celery_broker == broker


def test_secrets_do_not_show_in_a_printed_settings() -> None:
    settings = load_settings(
        {**_enough(), "PARLEY_SECRET_KEY": "s" * 40, "S3_SECRET_KEY": "hidden-key"}
    )
    assert "s" * 40 not in repr(settings)
    assert "hidden-key" not in repr(settings)


def test_the_local_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = local_secret(tmp_path / "home")
    assert local_secret(tmp_path / "home") == first
    assert len(first) >= 43
    assert (tmp_path / "home" / "secret.key").stat().st_mode & 0o777 == 0o600


def _enough() -> dict[str, str]:
    return {
        "DATABASE_URL": "postgresql://parley:x@127.0.0.1/parley",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "S3_ENDPOINT": "http://127.0.0.1:9000",
        "S3_ACCESS_KEY": "a" * 10,
        "S3_SECRET_KEY": "b" * 16,
        "PARLEY_SECRET_KEY": "c" * 32,
    }
