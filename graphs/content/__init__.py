"""Content on order: ads for channels, in variants and pictures, checked, with provenance."""
