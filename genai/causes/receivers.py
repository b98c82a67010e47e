"""What this room hears of others, and what it registers with them, when the process starts."""
