"""All tables of the house: importing their modules registers them."""

import audience.tables
import billing.tables
import catalog.checks
import catalog.operations
import catalog.tables
import measurement.report_tables
import measurement.tables
import rag.ingest_tables
import rag.tables
import storage.outbox
from storage.base import Base

MODULES = (
    audience.tables,
    billing.tables,
    catalog.checks,
    catalog.operations,
    catalog.tables,
    measurement.report_tables,
    measurement.tables,
    rag.ingest_tables,
    rag.tables,
    storage.outbox,
)
METADATA = Base.metadata
