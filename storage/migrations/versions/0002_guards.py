"""Roles, row-level security, grants, and the trigger that keeps the ledger balanced."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"

#: Table -> (columns that name an organisation which may see the row, what a tenant may do).
TENANT_TABLES = {
    "organisations": (("id",), "SELECT"),
    "apps": (("org_id",), "SELECT, INSERT, UPDATE"),
    "api_keys": (("org_id",), "SELECT, INSERT, UPDATE"),
    "brand_kits": (("org_id",), "SELECT, INSERT, UPDATE"),
    "product_sources": (("org_id",), "SELECT, INSERT"),
    "runs": (("org_id",), "SELECT, INSERT, UPDATE"),
    "campaigns": (("org_id",), "SELECT, INSERT, UPDATE"),
    "creatives": (("org_id",), "SELECT, INSERT, UPDATE"),
    "ads": (("org_id",), "SELECT, INSERT, UPDATE"),
    "audit_log": (("org_id",), "SELECT, INSERT"),
    "outbox": (("org_id",), "SELECT, INSERT"),
    "decisions": (("advertiser_id", "publisher_id"), "SELECT"),
    "ad_events": (("advertiser_id", "publisher_id"), "SELECT"),
    "ledger_lines": (("org_id",), "SELECT"),
    "campaign_spend": (("org_id",), "SELECT"),
}

#: Tables without a tenant: only the system reads and writes them.
SYSTEM_TABLES = ("ledger_entries", "snapshots")


def upgrade() -> None:
    for role in (APP, SYSTEM):
        op.execute(
            f"""DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
                END IF;
            END $$"""
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    for table, (columns, rights) in TENANT_TABLES.items():
        _guard(table)
        mine = " OR ".join(f"{c} = current_setting('parley.org_id', true)" for c in columns)
        op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({mine}) WITH CHECK ({mine})")
        op.execute(f"GRANT {rights} ON {table} TO {APP}")
    for table in SYSTEM_TABLES:
        _guard(table)
    op.execute(
        """
        CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE off numeric; lines integer; strays integer;
        BEGIN
            SELECT coalesce(sum(amount_micros), 0), count(*),
                   count(*) FILTER (WHERE l.currency <> e.currency)
              INTO off, lines, strays
              FROM ledger_lines l JOIN ledger_entries e ON e.id = l.entry_id
             WHERE l.entry_id = NEW.entry_id;
            IF off <> 0 OR lines < 2 OR strays <> 0 THEN
                RAISE EXCEPTION 'ledger entry % does not balance: % micros over % lines, % in another currency',
                    NEW.entry_id, off, lines, strays USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """CREATE CONSTRAINT TRIGGER ledger_balances AFTER INSERT ON ledger_lines
           DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entry_balances()"""
    )
    # History is written once: nobody may rewrite money, events or the audit.
    for table in ("ledger_entries", "ledger_lines", "ad_events", "audit_log", "decisions"):
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {SYSTEM}, {APP}")
    # What an event cost is known only after it was charged, in the same transaction.
    op.execute(f"GRANT UPDATE (charged_micros, verdict) ON ad_events TO {SYSTEM}")


def downgrade() -> None:
    op.execute("DROP TRIGGER ledger_balances ON ledger_lines")
    op.execute("DROP FUNCTION ledger_entry_balances()")
    for table in (*TENANT_TABLES, *SYSTEM_TABLES):
        op.execute(f"DROP POLICY IF EXISTS tenant ON {table}")
        op.execute(f"DROP POLICY system ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


def _guard(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
