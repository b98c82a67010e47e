"""What becomes of a summary: composed it is done; while a model words it, it waits, then is worded. Failed: the composed text stays."""

WAITING, WORDING, DONE, FAILED = "waiting", "wording", "done", "failed"
UNDER_WAY = (WAITING, WORDING)
