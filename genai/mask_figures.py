"""What is hidden from models: the kinds, how often each was found, and what a text looks like without them."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from genai import stored_secrets
from genai.masking import Mask
from genai.masking_patterns import SECRETS
from genai.models import Completion

LONGEST_TRIED = 20_000
MOST_COUNTED = 20_000  # calls
ABOUT = {
    "key": ("Keys", "Private keys; keys of AWS, Google, Slack, GitHub, GitLab, Stripe, models and others, told by their shape"),
    "token": ("Tokens", "JSON web tokens, bearer and basic credentials, Authorization headers"),
    "password": ("Passwords", "password=…, --password …, in addresses (user:…@host), in SQL and XML"),
    "secret": ("Other secrets", "Values of fields called api_key, client_secret and the like; every secret stored in this installation"),
    "email": ("E-mail addresses", "ada@example.org"),
    "phone": ("Phone numbers", "With a country code, in the American form, or called a phone number"),
    "iban": ("Bank accounts", "IBANs whose check digits are right"),
    "card": ("Cards", "Card numbers whose check digit is right"),
    "host": ("Host names", "Only with AIOPS_LLM_MASK_HOSTS"),
    "address": ("IP addresses", "Only with AIOPS_LLM_MASK_HOSTS"),
}


@dataclass(frozen=True)
class Kind:
    name: str
    about: str
    count: int  # different ones in calls of 30 days
    calls: int
    secret: bool
    on: bool


@dataclass(frozen=True)
class Tried:
    masked: str
    counts: list[tuple[str, int]]


def kinds() -> list[Kind]:
    found: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    rows = Completion.objects.filter(started_at__gte=timezone.now() - timedelta(days=30)).exclude(masked={})
    for masked in rows.order_by("-pk").values_list("masked", flat=True)[:MOST_COUNTED]:
        found.update(masked)
        calls.update(masked.keys())
    return [
        Kind(label, about, found[key], calls[key], key in SECRETS, settings.LLM_MASK_HOSTS or key not in ("host", "address"))
        for key, (label, about) in ABOUT.items()
    ]


def tried(text: str) -> Tried:
    stored_secrets.forget()
    mask = Mask()
    masked = mask.mask(text)
    return Tried(masked, [(ABOUT[kind][0], count) for kind, count in mask.found.items()])
