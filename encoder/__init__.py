"""Sentences as vectors on this machine: one small English model for the compiler and the knowledge store."""
