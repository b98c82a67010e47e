"""What secrets and personal data look like. Each finder yields (start, end, kind) of a text; all of them take time linear in its length."""

import re
from collections.abc import Callable, Iterator

Span = tuple[int, int, str]
Finder = Callable[[str], Iterator[Span]]
SECRETS = frozenset({"key", "token", "password", "secret"})  # kinds that are not shown again to anybody, only to the model as a placeholder

# -- keys and tokens that tell by their shape ------------------------------------------------------------------------------
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----BEGIN )[\s\S]){0,20000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]*)"
)
SHAPES = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(
        (
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
            r"AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{28}",  # Google
            r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]+",  # Slack
            r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}",
            r"gl(?:pat|dt|rt|ptt|soat)-[\w-]{20,}",
            r"gsk_[A-Za-z0-9]{20,}|sk-(?:proj|ant|svcacct|admin|or)-[\w-]{20,}|sk-[A-Za-z0-9]{32,}|hf_[A-Za-z0-9]{30,}",  # models
            r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,}",  # Stripe
            r"SG\.[\w-]{16,}\.[\w-]{16,}|SK[0-9a-f]{32}|NRAK-[A-Z0-9]{27}|dapi[a-f0-9]{32}",
            r"npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|dckr_pat_[\w-]{20,}|hv[sbr]\.[\w-]{20,}|s\.[A-Za-z0-9]{24}(?=\W|$)",
            r"do[opr]_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-f0-9]{32}|lin_api_[A-Za-z0-9]{32,}|ATATT3[\w=-]{50,}",
            r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,}",  # Grafana
            r"\d{8,10}:AA[\w-]{33}",  # Telegram
            r"aio_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}",  # our own
        )
    )
    + r")(?![A-Za-z0-9])"
)
WEBHOOK = re.compile(r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}|(?<=/api/webhooks/)\d{15,}/[\w-]{40,}")
JWT = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.(?:eyJ)?[\w-]{8,}(?:\.[\w-]*){1,3}")
BEARER = re.compile(r"\b(?:bearer|basic)[ \t]+(?=[^\s\"',]*[0-9=])([\w.~+/=-]{16,})", re.I)
HEADER = re.compile(r"\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest|apikey|splunk)[ \t]+)?([^\s\"',⟦]{6,})", re.I)
IN_URL = re.compile(r"(?<=://)[^\s/:@\"'<>]{0,100}:([^\s/\"'<>⟦]{1,200})@")

# -- secrets that tell by their name ----------------------------------------------------------------------------------------
NAMED = re.compile(
    r"(?:(?P<sure>passw(?:or)?d|passphrase|pwd|(?<=[_-])pass|api[_.-]?key|access[_.-]?key(?:[_.-]?id)?|secret[_.-]?(?:access[_.-]?)?key"
    r"|private[_.-]?key|account[_.-]?key|shared[_.-]?key|encryption[_.-]?key|(?<=[A-Za-z0-9_-])(?:secret|token)|community)"
    r"|(?P<bare>\bsecret|\btoken|credentials?))"
    r"(?:\\?[\"'])?[ \t]*(?P<by>=>|:=|==?|:|[ \t](?=\S))[ \t]*"
    r"(?P<value>\\?\"(?:[^\"\\\n]|\\[^\"\n]){1,500}\\?\"|'[^'\n]{1,500}'|[^\s,;&\"'<>(){}\[\]⟦]{1,500})",
    re.I,
)
# Where one can begin: looking for these alone is much faster.
HINT = re.compile(
    r"[Pp][Aa][Ss][Ss]|[Pp][Ww][Dd]|[Pp][Rr][Ii]|[Aa][Pp][Ii]|[Aa][Cc][Cc]|[Ss][EeHh][CcAa][Rr][Ee]|[Ee][Nn][Cc]|[Tt][Oo][Kk]"
    r"|[Cc][RrOo][EeMm]"
)
TAGGED = re.compile(r"<(?:\w{1,30}[_:-])?(?:password|passwd|secret|token|api_?key)>([^<>\n⟦]{1,500})</", re.I)
SAID = re.compile(r"\b(?:identified by|password)\s+'([^'\n]{1,200})'", re.I)
TOLD = re.compile(r"\b(?:password|passphrase)\s+(?:is|was)\s+[\"'`]?((?=\S*[\d!@#$%^&*])[^\s\"'`⟦]{5,100}?)[\"'`]?[.,;]?(?=\s|$)", re.I)
NO_VALUE = re.compile(
    r"[*x•.…-]+|\$.*|%.*|\{\{.*|<.*|none|null|nil|true|false|yes|no|on|off|empty|unset|set|expired|required|optional|invalid|wrong|incorrect"
    r"|missing|changed|rotated|redacted|hidden|masked|string|str|bytes|file|files|env|default|enabled|disabled|unknown|failed|denied|n/a",
    re.I,
)
PART_OF_NAME = re.compile(r"[a-z0-9]+(?:[-._][a-z0-9]+)*")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)

# -- people's data ----------------------------------------------------------------------------------------------------------
EMAIL = re.compile(r"(?<![\w.%+'-])[\w%+][\w.%+'-]{0,63}@(?:[\w-]{1,63}\.){1,8}([^\W\d_]{2,24})(?![\w-])")
UNITS_OF_SYSTEMD = frozenset({"service", "socket", "timer", "target", "mount", "automount", "scope", "slice", "device", "path", "swap"})
PHONE = re.compile(r"(?<![\w.+])(?:\+|00(?=[1-9]\d? ))[1-9]\d{0,2}(?:[ .\-/]?\(0?\d{1,5}\))?(?:[ .\-/]?\d){6,13}(?![\w.]*\d)")
PHONE_AMERICAN = re.compile(r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?\d{3}[-.]|[2-9]\d\d([-.])[2-9]\d\d\1)\d{4}(?![\w-]|\.\d)")
PHONE_NAMED = re.compile(
    r"\b(?:phone|tele(?:phone|fon)|tel|mobile|mobil|cell|handy|fax|whatsapp)(?:[ _]?(?:no|nr|number))?\.?[\"']?[ \t]*[:=]?[ \t]*[\"']?"
    r"(\(?\d[\d ()/.\-]{5,20}\d)(?!\w)",
    re.I,
)
AMOUNT = re.compile(r"[ \t]?(?:bytes|[kmgt]i?b\b|b/s|ms\b|s\b|%|req|points?|samples?|packets?|rows?)", re.I)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
CARD = re.compile(r"(?<![\w.-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{5})(?![\w-]|\.\d)")
CARD_BRANDS = re.compile(r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|6(?:011|4[4-9]|5)|35(?:2[89]|[3-8])|3(?:0[0-5]|[68])")
IBAN_LENGTHS = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22"
        " GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19"
        " MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22"
        " VG24 XK20",
    )
)

# -- addresses, where the installation wants them hidden too ----------------------------------------------------------------
IPV4 = re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9a-f:]*:[0-9a-f:]*:)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.I)
HOST = re.compile(r"(?<![\w.@-])(?=[\w-]*[a-z])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}[a-z]{2,18}(?![\w(-]|\.\w)", re.I)


def private_keys(text: str) -> Iterator[Span]:
    if "-----BEGIN " in text:
        yield from ((*found.span(), "key") for found in PRIVATE_KEY.finditer(text))


def shapes(text: str) -> Iterator[Span]:
    yield from ((*found.span(), "key") for found in SHAPES.finditer(text))
    yield from ((*found.span(), "key") for found in WEBHOOK.finditer(text))
    yield from ((*found.span(), "token") for found in JWT.finditer(text))


def headers(text: str) -> Iterator[Span]:
    for pattern in (BEARER, HEADER):
        yield from ((*found.span(1), "token") for found in pattern.finditer(text) if not NO_VALUE.fullmatch(found[1]))


def addresses_with_passwords(text: str) -> Iterator[Span]:
    if "://" in text:
        yield from ((*found.span(1), "password") for found in IN_URL.finditer(text))


def named(text: str) -> Iterator[Span]:
    """password=…, "api_key": "…", --token …, <secret>…</secret>, IDENTIFIED BY '…'."""
    done = 0
    for hint in HINT.finditer(text):
        found = NAMED.match(text, hint.start()) if hint.start() >= done else None
        if found is not None:
            start, end = _inside(text, *found.span("value"))
            if _is_secret(text, found, text[start:end]):
                yield start, end, "password" if _is_password(found) else "secret"
                done = end
    for pattern in (TAGGED, SAID, TOLD):
        for found in pattern.finditer(text):
            if not NO_VALUE.fullmatch(found[1].strip()):
                yield *found.span(1), "password"


def _inside(text: str, start: int, end: int) -> tuple[int, int]:
    """Without quotes, escaped or not, and without the full stop of a sentence."""
    while start < end and text[start] in "\\\"'":
        start += 1
    while start < end and text[end - 1] in "\\\"'":
        end -= 1
    return start, end


def _is_password(found: re.Match[str]) -> bool:
    return (found["sure"] or "").lower().startswith(("pass", "pwd"))


def _is_secret(text: str, found: re.Match[str], value: str) -> bool:
    """What is meant is a value, not a word of a sentence, a number that counts or the name of something."""
    if not value or NO_VALUE.fullmatch(value):
        return False
    if found["by"].isspace():  # --password hunter2
        before = text[max(0, found.start() - 40) : found.start()]
        return bool(re.search(r"(?:^|\s)--?[\w-]*$", before)) and not value.startswith("-")
    if found["bare"] or not _is_password(found):
        return _is_random(value) if found["bare"] or _counts(found) else len(value) >= 6 and not value.isdecimal()
    if value.startswith("/") and found["sure"].lower() == "pwd":
        return False
    prose = found["by"] == ":" and value.isalpha() and re.match(r"[ \t]+[A-Za-z]", text[found.end() :][:3])
    return not prose


def _counts(found: re.Match[str]) -> bool:
    """Names under which systems also keep what is no secret: next_token of a page, the name of a Kubernetes secret, an SNMP community."""
    return (found["sure"] or "").lower().lstrip("_-") in ("secret", "token", "community")


def _is_random(value: str) -> bool:
    """Long enough, with figures and letters, and not made of words as names are."""
    if UUID.fullmatch(value):
        return True
    if len(value) < 8 or not (any(map(str.isdigit, value)) and any(map(str.isalpha, value))):
        return False
    if not PART_OF_NAME.fullmatch(value):
        return True  # capitals or signs among them
    return max(map(len, re.split(r"[-._]", value))) > 12


def emails(text: str) -> Iterator[Span]:
    if "@" in text:
        for found in EMAIL.finditer(text):
            unit_or_clone = found[1].lower() in UNITS_OF_SYSTEMD or (found[0].startswith("git@") and text[found.end() :][:1] == ":")
            if not unit_or_clone:
                yield *found.span(), "email"


def phones(text: str) -> Iterator[Span]:
    for found in PHONE.finditer(text):
        if 8 <= sum(map(str.isdigit, found[0])) <= 16 and not AMOUNT.match(text, found.end()):
            yield *found.span(), "phone"
    yield from ((*found.span(), "phone") for found in PHONE_AMERICAN.finditer(text))
    for found in PHONE_NAMED.finditer(text):
        if 6 <= sum(map(str.isdigit, found[1])) <= 15 and not AMOUNT.match(text, found.end()):
            yield *found.span(1), "phone"


def ibans(text: str) -> Iterator[Span]:
    for found in IBAN.finditer(text):
        compact = found[0].replace(" ", "")
        length = int(IBAN_LENGTHS.get(compact[:2], 0))
        if length and len(compact) >= length and _iban_holds(compact[:length]):
            yield found.start(), found.start() + _reach(found[0], length), "iban"


def _reach(text: str, wanted: int) -> int:
    """How far into the text that many characters other than spaces go."""
    seen = 0
    for place, char in enumerate(text):
        seen += char != " "
        if seen == wanted:
            return place + 1
    return len(text)


def _iban_holds(iban: str) -> bool:
    """ISO 13616: moved by four, letters as numbers, the rest by 97 is 1."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def cards(text: str) -> Iterator[Span]:
    for found in CARD.finditer(text):
        digits = "".join(filter(str.isdigit, found[0]))
        if CARD_BRANDS.match(digits) and _luhn(digits):
            yield *found.span(), "card"


def _luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(char), 10)) for char in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def hosts(text: str) -> Iterator[Span]:
    for pattern, kind in ((IPV4, "address"), (IPV6, "address"), (HOST, "host")):
        yield from ((*found.span(), kind) for found in pattern.finditer(text))


# In this order: what is found first is not looked at again.
FINDERS: tuple[Finder, ...] = (private_keys, shapes, headers, addresses_with_passwords, named, emails, ibans, cards, phones)
