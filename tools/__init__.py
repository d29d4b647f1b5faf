"""What agents may call: each tool says what it reads, what it changes and what it refuses."""
