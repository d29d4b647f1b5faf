"""State machines that coordinate the agents. A graph file reads like its diagram.

LangGraph reads LANGGRAPH_STRICT_MSGPACK once, when it is first imported; without it a checkpoint may name
any function and have it called on load (CVE-2026-28277). Setting it here, above the only package that
draws graphs, is the one exception to "nothing happens at import": nobody can forget it.
"""

import os

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
