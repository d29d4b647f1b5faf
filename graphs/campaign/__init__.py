"""The campaign graph: from a goal in plain language to a live campaign in chats."""
