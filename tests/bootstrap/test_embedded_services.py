"""The real services: start, log in, stop, start again."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from minio import Minio
from minio.error import S3Error
from redis import Redis
from redis.exceptions import AuthenticationError

from bootstrap.embedded import EmbeddedServices, ServiceUrls, read_state
from bootstrap.embedded.postgres import cluster_processes
from domain.errors import Conflict, Unavailable

ROOT = Path(__file__).resolve().parents[2]
FAST = {"fsync": "off"}


def start(home: Path, **options: object) -> tuple[EmbeddedServices, ServiceUrls]:
    services = EmbeddedServices(home, env={}, postgres_settings=FAST, **options)  # type: ignore[arg-type]
    return services, services.start()


def objects(urls: ServiceUrls, secret: str | None = None) -> Minio:
    return Minio(
        urlsplit(urls.s3_endpoint).netloc,
        access_key=urls.s3_access_key,
        secret_key=secret or urls.s3_secret_key,
        secure=False,
        region="us-east-1",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services") / "home"


@pytest.fixture(scope="module")
def urls(home: Path) -> Iterator[ServiceUrls]:
    services, urls = start(home)
    assert services.check() == {}
    yield urls
    services.stop()


def test_each_part_answers_a_login(urls: ServiceUrls) -> None:
    with psycopg.connect(urls.database_url) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "parley",
            "parley",
        )
    with Redis.from_url(urls.redis_url) as redis:
        assert redis.ping()
    assert [bucket.name for bucket in objects(urls).list_buckets()] == ["parley"]


def test_wrong_passwords_are_refused(urls: ServiceUrls) -> None:
    parts = urlsplit(urls.database_url)
    for user in ("parley", "parley_admin"):
        wrong = f"postgresql://{user}:wrong@127.0.0.1:{parts.port}/parley"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    with (
        Redis(port=urlsplit(urls.redis_url).port or 0) as redis,
        pytest.raises(AuthenticationError),
    ):
        redis.ping()
    with pytest.raises(S3Error):
        objects(urls, secret="x" * 32).bucket_exists("parley")


def test_the_application_role_is_bound_by_row_level_security(urls: ServiceUrls) -> None:
    with psycopg.connect(urls.admin_database_url, autocommit=True) as admin:
        flags = admin.execute(
            "SELECT rolsuper, rolbypassrls, rolinherit, rolcreatedb, rolcreaterole, rolreplication"
            " FROM pg_roles WHERE rolname = 'parley'"
        ).fetchone()
        assert flags == (False,) * 6
        admin.execute("CREATE TABLE secret AS SELECT 'a' AS tenant")
        admin.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        admin.execute("GRANT SELECT ON secret TO parley")
    with psycopg.connect(urls.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM secret").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (n int)")


def test_postgres_is_set_up_as_documented(urls: ServiceUrls) -> None:
    with psycopg.connect(urls.admin_database_url) as admin:

        def show(name: str) -> str:
            row = admin.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert row is not None
            return str(row[0])

        assert show("server_version").startswith("18.")
        assert show("max_connections") == "200"
        assert show("synchronous_commit") == "on"
        assert show("TimeZone") == "UTC"
        assert show("password_encryption") == "scram-sha-256"
        row = admin.execute(
            "SELECT datlocprovider::text, datlocale, pg_encoding_to_char(encoding),"
            " pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'parley'"
        ).fetchone()
        assert row == ("b", "C.UTF-8", "UTF8", "parley_admin")
        assert admin.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector").fetchone() == (2.0,)
        assert admin.execute("SELECT lower('ÄÖÜ')").fetchone() == ("äöü",)
    other = urls.with_database("postgres").database_url
    psycopg.connect(other).close()


def test_valkey_is_set_up_as_documented(urls: ServiceUrls) -> None:
    with Redis.from_url(urls.redis_url, decode_responses=True) as redis:
        for name, value in {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
        }.items():
            assert redis.config_get(name) == {name: value}


def test_no_password_on_a_command_line_and_secrets_are_long(urls: ServiceUrls, home: Path) -> None:
    secrets = [
        urlsplit(urls.database_url).password,
        urlsplit(urls.admin_database_url).password,
        urlsplit(urls.redis_url).password,
        urls.s3_access_key,
        urls.s3_secret_key,
    ]
    assert len(set(secrets)) == 5
    for secret in secrets:
        assert secret is not None
        assert len(secret) >= 16
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        assert not any(secret.encode() in words for secret in secrets if secret)
    logs = "".join(path.read_text() for path in (home / "logs").iterdir())
    assert not any(secret in logs for secret in secrets if secret)


def test_private_files(urls: ServiceUrls, home: Path) -> None:
    for name in ("state.json", "valkey/valkey.conf", "lock"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres/data").stat().st_mode) == 0o700
    assert not list(home.rglob("*.once"))


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")
def test_everything_listens_on_the_loopback_only(urls: ServiceUrls) -> None:
    ports = {urlsplit(url).port for url in (urls.database_url, urls.redis_url, urls.s3_endpoint)}
    addresses: dict[int, set[str]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == "0A":
                addresses.setdefault(int(port, 16), set()).add(address)
    assert {addresses[port or 0] == {"0100007F"} for port in ports} == {True}


def test_a_second_launcher_is_told_who_runs(urls: ServiceUrls, home: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from bootstrap.embedded import EmbeddedServices, read_state\n"
        "from domain.errors import Conflict\n"
        "home = Path(sys.argv[1])\n"
        "assert read_state(home).redis_url == sys.argv[2]\n"
        "try: EmbeddedServices(home, env={}).start()\n"
        "except Conflict as refusal: sys.exit(refusal.detail)\n"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, str(home), urls.redis_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert re.search(rf"already runs in .*/home as process {os.getpid()}: use that", second.stderr)
    assert second.returncode == 1
    # The one that runs is not disturbed.
    with Redis.from_url(urls.redis_url) as redis:
        assert redis.ping()


def test_a_restart_keeps_addresses_and_data(tmp_path: Path) -> None:
    services, first = start(tmp_path / "home")
    with psycopg.connect(first.admin_database_url) as admin:
        admin.execute("CREATE TABLE kept AS SELECT generate_series(1, 100) AS n")
    with Redis.from_url(first.redis_url) as redis:
        redis.set("kept", "1")
    (tmp_path / "object").write_bytes(b"kept")
    objects(first).fput_object("parley", "a/b", str(tmp_path / "object"))
    started = time.monotonic()
    services.stop()
    assert time.monotonic() - started < 5
    assert services.pids() == {}
    assert read_state(tmp_path / "home") is None
    services.stop()

    again, second = start(tmp_path / "home")
    with again:
        assert second == first
        with psycopg.connect(second.admin_database_url) as admin:
            assert admin.execute("SELECT sum(n) FROM kept").fetchone() == (5050,)
        # SIGTERM wrote what was younger than a second, too.
        with Redis.from_url(second.redis_url) as redis:
            assert redis.get("kept") == b"1"
        objects(second).fget_object("parley", "a/b", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == b"kept"


def test_lost_passwords_are_replaced_and_the_data_is_kept(tmp_path: Path) -> None:
    services, first = start(tmp_path, parts={"postgres"})
    with psycopg.connect(first.admin_database_url) as admin:
        admin.execute("CREATE TABLE kept AS SELECT 1 AS n")
    services.stop()
    (tmp_path / "state.json").unlink()
    again, second = start(tmp_path, parts={"postgres"})
    with again, psycopg.connect(second.admin_database_url) as admin:
        assert second.admin_database_url != first.admin_database_url
        assert admin.execute("SELECT n FROM kept").fetchone() == (1,)


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Conflict, match=r"made by PostgreSQL 17, but 18 is installed"):
        start(tmp_path, parts={"postgres"})


def test_a_failed_start_says_why_and_stops_the_rest(tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    services = EmbeddedServices(tmp_path, env={}, postgres_settings={"shared_buffers": "lots"})
    with pytest.raises(Unavailable, match=r"PostgreSQL ended with status 1, see .*log") as failure:
        services.start(lambda part, sentence: said.append((part, sentence)))
    assert failure.value.code == "postgres_failed"
    assert any("shared_buffers" in line for line in failure.value.extra["log_tail"])
    assert ("postgres", "making the data folder") in said
    assert services.pids() == {}
    assert cluster_processes(tmp_path / "postgres" / "data") == []
    # The lock is free again, and what was made is used.
    working, _ = start(tmp_path, parts={"postgres"})
    working.stop()


def test_start_takes_seconds_not_minutes(tmp_path: Path) -> None:
    started = time.monotonic()
    services, _ = start(tmp_path)
    services.stop()
    assert time.monotonic() - started < 30
