"""first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table('ad_events',
    sa.Column('request_id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('app_id', sa.Text(), nullable=False),
    sa.Column('publisher_id', sa.Text(), nullable=False),
    sa.Column('advertiser_id', sa.Text(), nullable=False),
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('ad_id', sa.Text(), nullable=False),
    sa.Column('charged_micros', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('extra', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ad_events')),
    sa.UniqueConstraint('request_id', 'type', name=op.f('uq_ad_events_request_id_type'))
    )
    op.create_index('ix_ad_events_campaign', 'ad_events', ['campaign_id', 'type', 'created_at'], unique=False)
    op.create_table('apps',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('formats', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('reserve_micros', sa.BigInteger(), nullable=False),
    sa.Column('blocked_advertisers', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('blocked_topics', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('default_geo', sa.Text(), nullable=True),
    sa.Column('web', sa.Boolean(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_apps'))
    )
    op.create_index(op.f('ix_apps_org_id'), 'apps', ['org_id'], unique=False)
    op.create_table('audit_log',
    sa.Column('subject_kind', sa.Text(), nullable=False),
    sa.Column('subject_id', sa.Text(), nullable=False),
    sa.Column('from_state', sa.Text(), nullable=True),
    sa.Column('to_state', sa.Text(), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log'))
    )
    op.create_index(op.f('ix_audit_log_org_id'), 'audit_log', ['org_id'], unique=False)
    op.create_index('ix_audit_log_subject', 'audit_log', ['subject_id', 'created_at'], unique=False)
    op.create_table('brand_kits',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('payer', sa.Text(), nullable=False),
    sa.Column('tone', sa.Text(), nullable=False),
    sa.Column('colours', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('banned_words', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_brand_kits')),
    sa.UniqueConstraint('org_id', name=op.f('uq_brand_kits_org_id'))
    )
    op.create_index(op.f('ix_brand_kits_org_id'), 'brand_kits', ['org_id'], unique=False)
    op.create_table('campaign_spend',
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('spent_micros', sa.BigInteger(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign_spend')),
    sa.UniqueConstraint('campaign_id', 'day', name=op.f('uq_campaign_spend_campaign_id_day'))
    )
    op.create_index(op.f('ix_campaign_spend_org_id'), 'campaign_spend', ['org_id'], unique=False)
    op.create_table('campaigns',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('run_id', sa.Text(), nullable=True),
    sa.Column('brief', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('plan', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('bid_model', sa.Text(), nullable=False),
    sa.Column('bid_micros', sa.BigInteger(), nullable=False),
    sa.Column('budget_total_micros', sa.BigInteger(), nullable=True),
    sa.Column('budget_daily_micros', sa.BigInteger(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('geos', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('languages', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('blocked_topics', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('house', sa.Boolean(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns'))
    )
    op.create_index(op.f('ix_campaigns_org_id'), 'campaigns', ['org_id'], unique=False)
    op.create_index(op.f('ix_campaigns_run_id'), 'campaigns', ['run_id'], unique=False)
    op.create_table('decisions',
    sa.Column('app_id', sa.Text(), nullable=False),
    sa.Column('publisher_id', sa.Text(), nullable=False),
    sa.Column('advertiser_id', sa.Text(), nullable=True),
    sa.Column('campaign_id', sa.Text(), nullable=True),
    sa.Column('ad_id', sa.Text(), nullable=True),
    sa.Column('snapshot_id', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('intent', sa.Text(), nullable=True),
    sa.Column('bid_model', sa.Text(), nullable=True),
    sa.Column('price_micros', sa.BigInteger(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('record', sa.LargeBinary(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decisions'))
    )
    op.create_index('ix_decisions_advertiser', 'decisions', ['advertiser_id', 'created_at'], unique=False)
    op.create_index(op.f('ix_decisions_campaign_id'), 'decisions', ['campaign_id'], unique=False)
    op.create_index('ix_decisions_publisher', 'decisions', ['publisher_id', 'created_at'], unique=False)
    op.create_table('ledger_entries',
    sa.Column('event_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entries')),
    sa.UniqueConstraint('event_id', name=op.f('uq_ledger_entries_event_id'))
    )
    op.create_index(op.f('ix_ledger_entries_campaign_id'), 'ledger_entries', ['campaign_id'], unique=False)
    op.create_table('organisations',
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('legal_name', sa.Text(), nullable=False),
    sa.Column('tier', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_organisations'))
    )
    op.create_table('outbox',
    sa.Column('topic', sa.Text(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    op.create_index(op.f('ix_outbox_org_id'), 'outbox', ['org_id'], unique=False)
    op.create_index(op.f('ix_outbox_sent_at'), 'outbox', ['sent_at'], unique=False)
    op.create_table('product_sources',
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('object_key', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('products', sa.BigInteger(), nullable=False),
    sa.Column('problems', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_sources'))
    )
    op.create_index(op.f('ix_product_sources_org_id'), 'product_sources', ['org_id'], unique=False)
    op.create_table('runs',
    sa.Column('graph', sa.Text(), nullable=False),
    sa.Column('graph_version', sa.Text(), nullable=False),
    sa.Column('goal', sa.Text(), nullable=False),
    sa.Column('inputs', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('requested_by', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=True),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.Column('lease_owner', sa.Text(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('question', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('pending', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('error', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('campaign_id', sa.Text(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs')),
    sa.UniqueConstraint('org_id', 'idempotency_key', name=op.f('uq_runs_org_id_idempotency_key'))
    )
    op.create_index('ix_runs_lease', 'runs', ['status', 'lease_until'], unique=False)
    op.create_index(op.f('ix_runs_org_id'), 'runs', ['org_id'], unique=False)
    op.create_table('snapshots',
    sa.Column('object_prefix', sa.Text(), nullable=False),
    sa.Column('ads', sa.BigInteger(), nullable=False),
    sa.Column('apps', sa.BigInteger(), nullable=False),
    sa.Column('catalogue_hash', sa.Text(), nullable=False),
    sa.Column('files', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_snapshots'))
    )
    op.create_table('api_keys',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('secret_hash', sa.Text(), nullable=False),
    sa.Column('hint', sa.Text(), nullable=False),
    sa.Column('scopes', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('app_id', sa.Text(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replaces', sa.Text(), nullable=True),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['app_id'], ['apps.id'], name=op.f('fk_api_keys_app_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('secret_hash', name=op.f('uq_api_keys_secret_hash'))
    )
    op.create_index(op.f('ix_api_keys_org_id'), 'api_keys', ['org_id'], unique=False)
    op.create_table('creatives',
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('texts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('tags', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('negative_tags', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('landing_url', sa.Text(), nullable=False),
    sa.Column('image_url', sa.Text(), nullable=True),
    sa.Column('claims', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('findings', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_creatives_campaign_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_creatives'))
    )
    op.create_index(op.f('ix_creatives_campaign_id'), 'creatives', ['campaign_id'], unique=False)
    op.create_index(op.f('ix_creatives_org_id'), 'creatives', ['org_id'], unique=False)
    op.create_table('ledger_lines',
    sa.Column('entry_id', sa.Text(), nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount_micros', sa.BigInteger(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['ledger_entries.id'], name=op.f('fk_ledger_lines_entry_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_lines'))
    )
    op.create_index('ix_ledger_lines_account', 'ledger_lines', ['account', 'currency'], unique=False)
    op.create_index(op.f('ix_ledger_lines_entry_id'), 'ledger_lines', ['entry_id'], unique=False)
    op.create_index(op.f('ix_ledger_lines_org_id'), 'ledger_lines', ['org_id'], unique=False)
    op.create_table('ads',
    sa.Column('campaign_id', sa.Text(), nullable=False),
    sa.Column('creative_id', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('quality_ppm', sa.BigInteger(), nullable=False),
    sa.Column('org_id', sa.Text(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_ads_campaign_id')),
    sa.ForeignKeyConstraint(['creative_id'], ['creatives.id'], name=op.f('fk_ads_creative_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ads'))
    )
    op.create_index(op.f('ix_ads_campaign_id'), 'ads', ['campaign_id'], unique=False)
    op.create_index(op.f('ix_ads_org_id'), 'ads', ['org_id'], unique=False)



def downgrade() -> None:

    op.drop_index(op.f('ix_ads_org_id'), table_name='ads')
    op.drop_index(op.f('ix_ads_campaign_id'), table_name='ads')
    op.drop_table('ads')
    op.drop_index(op.f('ix_ledger_lines_org_id'), table_name='ledger_lines')
    op.drop_index(op.f('ix_ledger_lines_entry_id'), table_name='ledger_lines')
    op.drop_index('ix_ledger_lines_account', table_name='ledger_lines')
    op.drop_table('ledger_lines')
    op.drop_index(op.f('ix_creatives_org_id'), table_name='creatives')
    op.drop_index(op.f('ix_creatives_campaign_id'), table_name='creatives')
    op.drop_table('creatives')
    op.drop_index(op.f('ix_api_keys_org_id'), table_name='api_keys')
    op.drop_table('api_keys')
    op.drop_table('snapshots')
    op.drop_index(op.f('ix_runs_org_id'), table_name='runs')
    op.drop_index('ix_runs_lease', table_name='runs')
    op.drop_table('runs')
    op.drop_index(op.f('ix_product_sources_org_id'), table_name='product_sources')
    op.drop_table('product_sources')
    op.drop_index(op.f('ix_outbox_sent_at'), table_name='outbox')
    op.drop_index(op.f('ix_outbox_org_id'), table_name='outbox')
    op.drop_table('outbox')
    op.drop_table('organisations')
    op.drop_index(op.f('ix_ledger_entries_campaign_id'), table_name='ledger_entries')
    op.drop_table('ledger_entries')
    op.drop_index('ix_decisions_publisher', table_name='decisions')
    op.drop_index(op.f('ix_decisions_campaign_id'), table_name='decisions')
    op.drop_index('ix_decisions_advertiser', table_name='decisions')
    op.drop_table('decisions')
    op.drop_index(op.f('ix_campaigns_run_id'), table_name='campaigns')
    op.drop_index(op.f('ix_campaigns_org_id'), table_name='campaigns')
    op.drop_table('campaigns')
    op.drop_index(op.f('ix_campaign_spend_org_id'), table_name='campaign_spend')
    op.drop_table('campaign_spend')
    op.drop_index(op.f('ix_brand_kits_org_id'), table_name='brand_kits')
    op.drop_table('brand_kits')
    op.drop_index('ix_audit_log_subject', table_name='audit_log')
    op.drop_index(op.f('ix_audit_log_org_id'), table_name='audit_log')
    op.drop_table('audit_log')
    op.drop_index(op.f('ix_apps_org_id'), table_name='apps')
    op.drop_table('apps')
    op.drop_index('ix_ad_events_campaign', table_name='ad_events')
    op.drop_table('ad_events')

