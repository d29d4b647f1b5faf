"""Knowledge that agents can cite: ingest, index, retrieve, answer with sources."""
