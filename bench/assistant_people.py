"""The rows that a bench of chats needs: a model at an address, people with a token each, one of them signed in. Prints them as JSON.

Usage: python -m bench.assistant_people <address of the model> <how many people>
"""

import json
import sys


def main(url: str, many: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.cached_db import SessionStore

    from accounts import tokens
    from accounts.models import User
    from genai.models import ModelProvider

    ModelProvider.objects.create(
        name="bench", kind="openai_compatible", model="stub-1", config={"url": f"{url}/v1"}, secrets={"api_key": "bench-key"}
    )
    people = [User.objects.create_user(f"bench{n}@example.org", None, name=f"bench {n}", role="operator") for n in range(many)]
    issued = [tokens.issue(person, "bench", ["genai:use", "monitoring:read"])[1] for person in people]
    session = SessionStore()
    session[SESSION_KEY] = str(people[0].pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = people[0].get_session_auth_hash()
    session.create()
    print(json.dumps({"tokens": issued, "people": [person.pk for person in people], "session": session.session_key}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
