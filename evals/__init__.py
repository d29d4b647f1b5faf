"""Scenarios that replay the product against a small world and grade what came of it."""

# First of all: LangGraph reads its strictness about checkpoints when it is first imported.
import graphs as graphs
