"""The analytics agent: questions in words, numbers from SQL, each checked before it is shown."""
