"""The assistant's door to language models, against a server that speaks their protocols (genai/testing.py) in a process of its own: what
one call costs us beside the model's own time (masking, budgets of everybody, of the person and of the feature, the cache, the log, the
execution's step; a prompt of 6,000 characters, an answer of 60 words in 60 pieces), and how long a first word takes from the model to
whoever asked. CPU is this process' and, on PostgreSQL, its backend's. Then 50 people at once on the one process of `manage.py up`.
"""

from bench import assistant_chats
from bench.row import Row
from bench.servers import on_each_database


def run(scale: float) -> list[Row]:
    return on_each_database("bench.assistant_load", scale) + assistant_chats.run(scale)
