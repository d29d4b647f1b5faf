"""State machines that coordinate the agents. A graph file reads like its diagram."""
