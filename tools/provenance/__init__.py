"""Where content is from: a record beside every asset, and the same inside it as Content Credentials (C2PA)."""

from tools.provenance.certificates import Credentials, configured, development
from tools.provenance.marking import ProvenanceRecord, mark, read

__all__ = ["Credentials", "ProvenanceRecord", "configured", "development", "mark", "read"]
