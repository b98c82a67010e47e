"""Test files in Prometheus' promqltest format: read, run against the evaluator, compared."""
