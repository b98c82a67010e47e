"""The one settings file. Every AIOPS_* variable it reads stands in .env.example (a test holds the two together).

With neither DATABASE_URL nor REDIS_URL the process is self-contained (embedded mode, `manage.py up`): SQLite in WAL,
Celery over memory://, an in-memory channel layer. With them, web, worker and beat run as separate processes.
"""

from contextlib import suppress
from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from aiops import env
from aiops.secret_key import read_or_create

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("AIOPS_DATA_DIR", str(BASE_DIR / "var"))).resolve()
with suppress(OSError):  # a system check says so, with a hint
    DATA_DIR.mkdir(parents=True, exist_ok=True)

DATABASE_URL = env.text("DATABASE_URL")
REDIS_URL = env.text("REDIS_URL")
PRODUCTION = bool(DATABASE_URL and REDIS_URL)
DEBUG = env.flag("AIOPS_DEBUG")
PUBLIC_URL = env.text("AIOPS_URL").rstrip("/")  # https://aiops.example.org: links in mails, CSRF origin
SECRET_KEY = env.text("AIOPS_SECRET_KEY") or read_or_create(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.words("AIOPS_SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.words("AIOPS_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
TRUSTED_PROXIES = env.whole("AIOPS_TRUSTED_PROXIES", 0, 0, 10)  # how many proxies stand in front and set X-Forwarded-For

INSTALLED_APPS = [
    "channels",
    "accounts.apps.AuditedAdminConfig",  # django.contrib.admin; every change in it is audited
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_celery_beat",
    "aiops",
    "accounts",
    "monitoring",
    "forecasting",
    "remediation",
    "genai",
]

MIDDLEWARE = [
    "aiops.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",  # this and the next before whoever answers by itself
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "aiops.middleware.Probes",
    "aiops.middleware.Count",
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.CurrentActor",
    "accounts.middleware.UserTimeZone",
    "aiops.middleware.Readable",
]

# Of what is sent to /webhooks/ (direct.py).
SENDERS_MIDDLEWARE = [
    "aiops.middleware.RequestId",
    "aiops.middleware.Count",
    "accounts.middleware.CurrentActor",
    "aiops.middleware.Readable",
]

ROOT_URLCONF = "aiops.urls"
ASGI_APPLICATION = "aiops.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aiops.context.shell",
            ],
            "builtins": ["aiops.templatetags.ui"],
        },
    }
]

# -- storage -------------------------------------------------------------------------------------------------------------
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000; "
    "PRAGMA cache_size=-65536; PRAGMA mmap_size=1073741824; PRAGMA secure_delete=FAST; "
    "PRAGMA wal_autocheckpoint=4000"
)


def _database() -> dict[str, object]:
    if not DATABASE_URL:
        options = {"init_command": SQLITE_PRAGMAS, "transaction_mode": "IMMEDIATE", "timeout": 20}
        # Tests use a file too: threads share it as they do in production, which an in-memory database cannot.
        test = {"NAME": str(DATA_DIR / "test.sqlite3")}
        return {
            "ENGINE": "aiops.sqlite3",
            "NAME": DATA_DIR / "aiops.sqlite3",
            "CONN_MAX_AGE": 600,
            "OPTIONS": options,
            "TEST": test,
        }
    try:
        config = dict(dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True))
    except (ValueError, dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as fault:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read ({fault}); write postgres://user:password@host:5432/name") from None
    if config["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must be a postgres:// address; without it AIOps uses SQLite in AIOPS_DATA_DIR")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "aiops.cache.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "aiops"}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# -- messages between processes ------------------------------------------------------------------------------------------
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL], "prefix": "aiops"}}
    if REDIS_URL
    else {"BACKEND": "aiops.layers.BridgedInMemoryLayer", "CONFIG": {"capacity": 1000}}
}
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
# A task may be delivered twice; it is never lost. The visibility time-out stays above the longest task.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600} if REDIS_URL else {}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 1800
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "aiops.beat:Scheduler"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# -- people --------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PERMISSION_TEST = "accounts.permissions.can"  # asked by the rail, which knows no app
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
FIRST_ADMIN = "accounts.first_admin.ensure"  # called when the installation is made ready: None, or (user, password or None)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by an admin, sign-up is closed
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "AIOps"
MFA_TOTP_TOLERANCE = 1  # a phone may be one code (30 s) early or late
SESSION_COOKIE_AGE = int(env.number("AIOPS_SESSION_HOURS", 24 * 14, 0.1, 24 * 365) * 3600)

# -- HTTP ----------------------------------------------------------------------------------------------------------------
HTTPS = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
CSRF_FAILURE_VIEW = "aiops.errors.csrf_failed"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024  # agents send batches of megabytes
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.PerUser", "accounts.throttling.PerAddress"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.rate("AIOPS_API_RATE_USER", "1200/min"),
        "address": env.rate("AIOPS_API_RATE_ADDRESS", "2400/min"),
    },
    "DEFAULT_PARSER_CLASSES": [
        "aiops.parsers.StrictJSON",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "aiops.pagination.Pages",
    "EXCEPTION_HANDLER": "aiops.errors.answer",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AIOps API",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["accounts.permissions.HasPermission"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/",  # what comes behind it groups the endpoints
    "ENUM_NAME_OVERRIDES": {
        "TokenKind": "accounts.models.TokenKind",
        "TokenState": ["valid", "replaced", "expired", "revoked"],
        "ResourceState": "monitoring.inventory.models.Resource.State",
        "ResourceStatus": ["healthy", "degraded", "down", "unknown", "stale", "gone"],
        "AlertSeverity": "monitoring.alerts.models.Severity",
        "ReasonSeverity": ["critical", "high", "medium", "low"],
        "AlertState": "monitoring.alerts.models.Alert.State",
        "AlertKind": "monitoring.alerts.models.Alert.Kind",
        "RuleKind": "monitoring.alerts.models.AlertRule.Kind",
        "SilenceKind": "monitoring.alerts.models.Silence.Kind",
        "SilenceState": ["active", "pending", "expired"],
        "NoticeKind": ["firing", "resolved", "acknowledged", "escalation", "question", "test"],
        "DeliveryStatus": "monitoring.notifications.models.Delivery.Status",
        "AlertResolution": "monitoring.alerts.models.Alert.Resolution",
        "IncidentStatus": "monitoring.incidents.models.Incident.Status",
        "ExecutionState": "remediation.models.Execution.State",
        "CaseStepState": "remediation.models.Step.State",
        "ApprovalState": "remediation.models.Approval.State",
        "ProviderKindName": "remediation.api_providers.KINDS",
        "ProviderHealth": "remediation.api_providers.HEALTH",
        "LanguageModelKind": "genai.api_models.KINDS",
        "CompletionOutcome": "genai.models.Completion.Outcome",
        "TurnState": "genai.copilot.models.Turn.State",
        "DocumentKind": "genai.rag.models.Document.Kind",
        "DocumentState": ["waiting", "ready", "failed"],
        "AgentRunState": "genai.tracing.models.AgentRun.State",
        "WrittenIn": "remediation.models.Runbook.Origin",
        "RuleHealth": ["ok", "err", "unknown"],
    },
}

# -- language, files, mail -----------------------------------------------------------------------------------------------
LANGUAGE_CODE, USE_I18N, USE_TZ, TIME_ZONE = "en", False, True, "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if env.text("AIOPS_SMTP_HOST") else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = env.text("AIOPS_SMTP_HOST")
EMAIL_PORT = env.whole("AIOPS_SMTP_PORT", 587, 1, 65535)
EMAIL_HOST_USER = env.text("AIOPS_SMTP_USER")
EMAIL_HOST_PASSWORD = env.text("AIOPS_SMTP_PASSWORD")
EMAIL_USE_TLS = env.flag("AIOPS_SMTP_STARTTLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("AIOPS_MAIL_FROM", "aiops@localhost")

# -- metric store --------------------------------------------------------------------------------------------------------
RAW_RETENTION_DAYS = env.number("AIOPS_RAW_RETENTION_DAYS", 30, 1 / 24)
ROLLUP_RETENTION_DAYS = env.number("AIOPS_ROLLUP_RETENTION_DAYS", 400, 1 / 24)
# Facts of VMs (/api/v1/): the values allowed, and how long they are kept as they came; clean-up reaches back 365 days.
FACTS_VALUE_RANGE = env.span("FACTS_VALUE_RANGE", (0, 100))
FACTS_RETENTION_DAYS = env.number("AIOPS_FACTS_RETENTION_DAYS", 400, 1)
# Above one machine: any engine that takes Prometheus remote write and answers PromQL over HTTP.
METRICS_WRITE_URL = env.text("AIOPS_METRICS_WRITE_URL")
METRICS_READ_URL = env.text("AIOPS_METRICS_READ_URL")
METRICS_HEADERS = dict(pair.split("=", 1) for pair in env.words("AIOPS_METRICS_HEADERS") if "=" in pair)
QUERY_SECONDS = env.number("AIOPS_QUERY_SECONDS", 30, 1, 600)  # a query that takes longer is ended
QUERY_SAMPLES = env.whole("AIOPS_QUERY_SAMPLES", 20_000_000, 1000, 1_000_000_000)  # samples one query may read; 20 bytes each
INGEST_MAX_BYTES = int(env.number("AIOPS_INGEST_MAX_MB", 32, 0.1, 1024) * 2**20)  # of a body sent in, inflated
INGEST_MAX_SAMPLES = env.whole("AIOPS_INGEST_MAX_SAMPLES", 200_000, 1, 10_000_000)  # of one request
SERIES_CAP = env.whole("AIOPS_SERIES_CAP", 100_000, 1, 10_000_000)  # a sender's series in use; new ones beyond are refused
ALERT_RETENTION_DAYS = env.number("AIOPS_ALERT_RETENTION_DAYS", 400, 1)  # of resolved alerts and their history
AVAILABILITY_OBJECTIVE = env.number("AIOPS_AVAILABILITY_OBJECTIVE", 99.9, 1, 99.9999)  # per cent, of services that state none
INCIDENT_SEVERITY = env.one_of("AIOPS_INCIDENT_SEVERITY", "medium", ("critical", "high", "medium", "low"))  # of alerts that open one
INCIDENT_WINDOW_MINUTES = env.number("AIOPS_INCIDENT_WINDOW_MINUTES", 10, 1, 24 * 60)  # so far apart alerts may be one incident
INCIDENT_CALM_MINUTES = env.number("AIOPS_INCIDENT_CALM_MINUTES", 5, 0, 24 * 60)  # after its last alert, until an incident is resolved
INCIDENT_LABELS = env.words("AIOPS_INCIDENT_LABELS", "service,app,namespace+cluster,namespace+alertname,alertname+cluster,alertname+site")
RULE_PACKS = env.flag("AIOPS_RULE_PACKS", True)  # the shipped alert rules
WATCH_PACKS = env.flag("AIOPS_WATCH_PACKS", True)  # the shipped watches: what is judged and forecast
FORECAST_RETENTION_DAYS = env.number("AIOPS_FORECAST_RETENTION_DAYS", 90, 2)  # of anomalies and predictions
RUNBOOK_PACKS = env.flag("AIOPS_RUNBOOK_PACKS", True)  # the shipped runbooks and the policy table
REMEDIATION_RETENTION_DAYS = env.number("AIOPS_REMEDIATION_RETENTION_DAYS", 400, 1)  # of finished cases and decisions
NOTIFICATION_DEFAULTS = env.flag("AIOPS_NOTIFICATION_DEFAULTS", True)  # the bell, e-mail where a mail server is known, one route
NOTIFICATION_TRIES = env.whole("AIOPS_NOTIFICATION_TRIES", 5, 1, 50)  # before a notice is given up
LOCAL_HOST_SOURCE = env.flag("AIOPS_LOCAL_HOST_SOURCE", True)  # watch the machine this runs on
RESOURCE_GONE_AFTER = env.number("AIOPS_RESOURCE_GONE_HOURS", 24, 0) * 3600  # silent so long, a resource is taken to be removed

# -- what explains -------------------------------------------------------------------------------------------------------
EMBEDDING_MODEL = env.text("AIOPS_EMBEDDING_MODEL")  # folder with all-MiniLM-L6-v2: documents are found by their meaning too
SHIFT_HOURS = env.wholes("AIOPS_SHIFT_HOURS", "6,14,22", 0, 23)  # UTC: each shift ends with a digest, and the week on Monday
DIGEST_MAIL = env.one_of("AIOPS_DIGEST_MAIL", "week", ("none", "week", "all"))  # which digests are told to people

# -- language models -----------------------------------------------------------------------------------------------------
LLM_CACHE_MINUTES = env.number("AIOPS_LLM_CACHE_MINUTES", 60, 0, 7 * 24 * 60)  # an answer to the same question holds so long
LLM_CONNECT_SECONDS = env.number("AIOPS_LLM_CONNECT_SECONDS", 5, 0.1, 60)
LLM_IDLE_SECONDS = env.number("AIOPS_LLM_IDLE_SECONDS", 20, 0.1, 600)  # without a word in the middle of an answer
LLM_TOTAL_SECONDS = env.number("AIOPS_LLM_TOTAL_SECONDS", 120, 0.5, 3600)  # of one call, all models that are tried together
LLM_WAIT_SECONDS = env.number("AIOPS_LLM_WAIT_SECONDS", 10, 0, 300)  # a model that asks for a longer pause is passed over
LLM_MASK_HOSTS = env.flag("AIOPS_LLM_MASK_HOSTS", False)  # hide host names and addresses from models too
ASSISTANT_RETENTION_DAYS = env.number("AIOPS_ASSISTANT_RETENTION_DAYS", 90, 1)  # of calls, executions, analyses, evidence nobody cites
COPILOT_STEPS = env.whole("AIOPS_COPILOT_STEPS", 8, 1, 50)  # rounds of tools for one answer of the copilot
COPILOT_TOKENS = env.whole("AIOPS_COPILOT_TOKENS", 40_000, 1000, 10_000_000)  # for one answer; then it answers with what it has

# -- outbound HTTP -------------------------------------------------------------------------------------------------------
ALLOWED_PRIVATE_NETWORKS = env.words("AIOPS_ALLOWED_PRIVATE_NETWORKS")
SLACK_HOOKS = env.words("AIOPS_SLACK_HOOKS", "hooks.slack.com")  # where answers to Slack's buttons may be sent

# -- logs ----------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.one_of("AIOPS_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "aiops.middleware.RequestIdFilter"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.one_of("AIOPS_LOG_FORMAT", "json", ("json", "text")),
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {name: {"level": LOG_LEVEL} for name in ("aiops", "accounts", "monitoring", "forecasting", "remediation", "genai")},
}
