"""`up`, `doctor` and `db`: the installation itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.accounts import LocalAccounts
from bootstrap.address import read_address
from bootstrap.cli.here import current_settings
from bootstrap.cli.output import Exit, Json, err, guarded, line, out, print_json
from bootstrap.embedded import default_home
from bootstrap.installation import Installation, migrate, prepare_parts, url_of
from domain.errors import ParleyError, Unprocessable


@guarded
def up(as_json: Json = False) -> None:
    """Start everything and leave it running; Ctrl-C stops it."""
    installation = Installation(os.environ, lambda part, said: line("·", part, escape(said)))
    accounts = installation.prepare()
    installation.run(lambda: _ready(installation, accounts, as_json))


def _ready(installation: Installation, accounts: LocalAccounts, as_json: bool) -> None:
    settings = installation.settings
    assert settings is not None
    url = url_of(settings)
    if as_json:
        print_json({"url": url, "app_id": accounts.app_id, "home": str(installation.home)})
        return
    for name, value in addresses(url, accounts.app_id):
        line("→", name, value)
    line("→", "keys", f"{installation.home / 'accounts.json'} (readable by you only)")
    err.print(" Ctrl-C stops everything; the data stays.", style="dim")


def addresses(url: str, app_id: str) -> list[tuple[str, str]]:
    """Return the addresses a person may want to open."""
    return [
        ("demo chat", f"{url}/demo?app={app_id}"),
        ("API", f"{url}/docs"),
        ("health", f"{url}/readyz"),
        ("metrics", f"{url}/metrics"),
    ]


@guarded
def db_upgrade(as_json: Json = False) -> None:
    """Bring the schema up to date; make the bucket and the first snapshot if they are missing."""
    settings = current_settings()
    revision = migrate(settings)
    asyncio.run(prepare_parts(settings))
    if as_json:
        print_json({"revision": revision})
    else:
        out.print(f"The schema is at revision {revision}.")


@guarded
def db_revision(message: str) -> None:
    """Write a migration from the difference between tables and database (for developers)."""
    # Tables register themselves when they are imported; no other command needs all of them.
    import billing.tables  # noqa: PLC0415
    import catalog.tables  # noqa: PLC0415
    import measurement.tables  # noqa: PLC0415
    from storage.migrate import autogenerate  # noqa: PLC0415
    from storage.outbox import OutboxRow  # noqa: PLC0415

    known = (billing.tables, catalog.tables, measurement.tables)
    line("·", "tables", ", ".join(module.__name__ for module in known))
    autogenerate(current_settings().migration_url, OutboxRow.metadata, message)


@guarded
def doctor(as_json: Json = False) -> None:
    """Look at this machine and installation and say what is wrong and how to cure it."""
    checks = [_check(name, look) for name, look in _CHECKS.items()]
    if as_json:
        print_json({"ok": all(c["ok"] for c in checks), "checks": checks})
    else:
        table = Table(box=None, show_header=False)
        for check in checks:
            table.add_row("✓" if check["ok"] else "✗", check["name"], escape(str(check["said"])))
        out.print(table)
    if not all(c["ok"] for c in checks):
        raise typer.Exit(Exit.UNAVAILABLE)


def _check(name: str, look: Any) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "said": look()}
    except ParleyError as error:
        return {"name": name, "ok": False, "said": error.detail}
    except (OSError, ImportError) as error:
        return {"name": name, "ok": False, "said": f"{type(error).__name__}: {error}"}


def _python() -> str:
    return f"{sys.version.split()[0]} at {sys.prefix}"


def _core() -> str:
    from fastpath.match import core_info  # noqa: PLC0415 - the doctor must start even if it is broken

    return str(core_info())


def _encoder() -> str:
    from encoder import MODEL_ID, load  # noqa: PLC0415 - the doctor must start even if it is broken

    load()
    return MODEL_ID


def _compiler() -> str:
    found = shutil.which("cc") or shutil.which("gcc")
    return found or "no C compiler: the decision core runs uncompiled, and slower"


def _home() -> str:
    home = default_home(os.environ)
    home.mkdir(parents=True, exist_ok=True)
    probe = home / ".probe"
    probe.write_bytes(b"")
    probe.unlink()
    free = shutil.disk_usage(home).free // 2**30
    return f"{home} is writable, {free} GiB free"


def _model() -> str:
    from llm.table import KEYS, load_table, specs_of  # noqa: PLC0415 - read by the doctor only

    specs = specs_of(os.environ.get("PARLEY_LLM", "offline"))
    if not specs:
        return "offline: rule-based, needs no key"
    needed = dict.fromkeys(KEYS[spec.partition(":")[0]] for spec in specs)
    missing = [name for name in needed if name not in os.environ]
    own = os.environ.get("PARLEY_LLM_TABLE")
    said = load_table(Path(own) if own else None).stale(specs, datetime.now(UTC).date())
    said += [f"{name} is not set." for name in missing]
    if len(missing) == len(needed):
        said.append("The rule-based model will answer instead.")
    return " ".join([", ".join(specs), *(f"- {sentence}" for sentence in said)])


def _running() -> str:
    address = read_address(default_home(os.environ))
    return f"running at {address.url}" if address else "not running; `make up` starts it"


def _secret() -> str:
    path = Path(default_home(os.environ)) / "secret.key"
    if not path.exists():
        return "made at the first start"
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise Unprocessable("secret_readable", f"{path} can be read by others: chmod 600 it.")
    return "private"


def _rules() -> str:
    # Read by the doctor only.
    from agents.compliance.policy import load_rules  # noqa: PLC0415
    from agents.content_creator import limits  # noqa: PLC0415
    from tools.render.slots import load_slots  # noqa: PLC0415

    rules, today = load_rules(), datetime.now(UTC).date()
    stale = [rule.id for rule in rules.expired(today)]
    stale += [f"{row.platform}.{row.format}.{row.field}" for row in limits.expired(today)]
    stale += [slot.id for slot in load_slots() if slot.expires_on < today]
    if stale:
        raise Unprocessable(
            "rules_expired",
            f"Rules and limits to check against their sources again: {', '.join(stale)}.",
        )
    return f"{len(rules.compiled)} compliance rules, none past its date"


_CHECKS = {
    "python": _python,
    "compiler": _compiler,
    "core": _core,
    "encoder": _encoder,
    "home": _home,
    "secret": _secret,
    "model": _model,
    "rules": _rules,
    "service": _running,
}
