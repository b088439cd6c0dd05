"""Exemplar's settings: every value comes from the environment or `.env`, and a wrong one refuses to start.

The names, units and defaults are listed in `.env.example`.
"""

import ssl
from pathlib import Path
from typing import Any, Final

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR: Final = Path(__file__).resolve().parent.parent
VERSION: Final = "0.1.0"

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.str(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")
    return value


def positive(name: str, default: int) -> int:
    try:
        value = env.int(name, default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number: {error}.") from error
    if value <= 0:
        raise ImproperlyConfigured(f"{name} is {value}; it must be greater than 0.")
    return value


def flag(name: str, default: bool) -> bool:
    text = env.str(name, str(default)).strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; it must be true or false.")


DEBUG = flag("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set: put a long random text in the environment or in .env.")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
LOG_LEVEL = choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO")

# Who may use the API and the pages without signing in: `open` is honoured with DEBUG and from loopback only.
API_ACCESS = choice("API_ACCESS", ("open", "private"), "open" if DEBUG else "private")

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # config.urls asks each app for its `admin`
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "config",
    "jobs",  # before django_tasks_db, whose db_worker it makes its own
    "django_tasks",
    "django_tasks_db",
    "catalog",
    "processes",
    "testcases",
]

MIDDLEWARE = [
    "config.access.HostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.access.SignInMiddleware",
    "config.api.timing.TimingMiddleware",
    "config.idempotency.IdempotencyMiddleware",
    "config.problem_pages.ProblemPageMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.contrib.humanize.templatetags.humanize"],  # intcomma, wherever a count is shown
        },
    },
]


def certificates(name: str) -> str:
    """The certificates in the file that a setting names, as PEM; none if it names none."""
    path = env.str(name, "")
    if not path:
        return ""
    try:
        text = Path(path).read_text(encoding="ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ImproperlyConfigured(f"{name} is {path!r}; it must be a file of certificates in PEM: {error}.") from error
    return text


def database(url: str) -> dict[str, Any]:
    """Django's database dictionary for a `sqlite:///...` or `postgres://...` URL."""
    try:
        parsed: dict[str, Any] = dict(environ.Env.db_url_config(url))
        engine = parsed["ENGINE"].rsplit(".", 1)[-1]
    except (KeyError, ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"DATABASE_URL can't be read: {error}.") from error
    if engine == "sqlite3":
        parsed["ENGINE"] = "config.databases.sqlite"
        # To open a connection takes as long as a small request; PostgreSQL has its pool.
        parsed["CONN_MAX_AGE"] = 60
        parsed["TEST"] = {"NAME": ":memory:"}  # which is only implied for Django's own backend
        # One writer at a time, readers never wait; a transaction takes its place in the queue when it begins.
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": positive("SQLITE_BUSY_TIMEOUT_SECONDS", 30),
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
        }
    elif engine in {"postgresql", "psycopg2"}:
        parsed["ENGINE"] = "config.databases.postgresql"
        parsed["OPTIONS"] = {
            "pool": {"min_size": 1, "max_size": positive("POSTGRES_POOL_SIZE", 8), "timeout": 15},
        }
    else:
        raise ImproperlyConfigured(f"DATABASE_URL names {engine}; Exemplar runs on sqlite and postgres.")
    return parsed


DATABASES = {"default": database(env.str("DATABASE_URL", f"sqlite:///{BASE_DIR / 'exemplar.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedStaticFilesStorage",
    },
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = flag("HTTPS", False)
if flag("HTTPS", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        # Swagger UI and ReDoc, served from here, style their elements inline and draw icons from data: and blob: URLs.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

# The Parquet Parts that DuckDB reads: filled from the database on first use, safe to delete at any time. Not in a
# directory that others may write: a file that is there already is taken at its name.
PARTS_CACHE_DIR = Path(env.str("PARTS_CACHE_DIR", str(BASE_DIR / "var" / "parts")))
PARTS_CACHE_BYTES = positive("PARTS_CACHE_BYTES", 4 * 1024**3)
ENGINE_MEMORY_BYTES = positive("ENGINE_MEMORY_BYTES", 1024**3)
ENGINE_TEMP_BYTES = positive("ENGINE_TEMP_BYTES", 16 * 1024**3)
ENGINE_THREADS = positive("ENGINE_THREADS", 2)

# The sandbox of a user's function, per test case.
SANDBOX_WALL_SECONDS = positive("SANDBOX_WALL_SECONDS", 30)
SANDBOX_MEMORY_BYTES = positive("SANDBOX_MEMORY_BYTES", 512 * 1024**2)
SANDBOX_TEMP_BYTES = positive("SANDBOX_TEMP_BYTES", 1024**3)
SANDBOX_THREADS = positive("SANDBOX_THREADS", 2)
SANDBOX_OUTPUT_ROWS = positive("SANDBOX_OUTPUT_ROWS", 20_000_000)
SANDBOX_OUTPUT_BYTES = positive("SANDBOX_OUTPUT_BYTES", 1024**3)
SANDBOX_ISOLATION = choice("SANDBOX_ISOLATION", ("auto", "bwrap", "none"), "auto")

# What implementations may name; by default nothing. Patterns of package.module:function, folders to import from,
# programs (absolute, or looked up in /usr/local/bin:/usr/bin:/bin), and hosts or networks that are not public.
PYTHON_ENTRIES: list[str] = env.list("PYTHON_ENTRIES", default=[])
PYTHON_PATH = [str(Path(each).resolve()) for each in env.list("PYTHON_PATH", default=[])]
COMMAND_PROGRAMS: list[str] = env.list("COMMAND_PROGRAMS", default=[])
HTTP_ALLOWED_HOSTS: list[str] = env.list("HTTP_ALLOWED_HOSTS", default=[])
# The authorities, in PEM, that the certificates of services may be signed by, besides those that this host trusts.
HTTP_AUTHORITIES = certificates("HTTP_CA_FILE")
# The environment variables that a configuration may take secrets from, as {"$env": "NAME"}: names or patterns.
CONFIGURATION_ENV: list[str] = env.list("CONFIGURATION_ENV", default=["EXEMPLAR_SECRET_*"])

# A JSON body or a form is held in memory; a file of rows is streamed to disk.
UPLOAD_MAX_BYTES = positive("UPLOAD_MAX_BYTES", 4 * 1024**3)
# Beyond, an import is left to a worker, where one lives, and answered with its job.
IMPORT_ASYNC_BYTES = positive("IMPORT_ASYNC_BYTES", 256 * 1024**2)
# A run over more test cases is left to a worker, where one lives, and answered before it has ended.
RUN_ASYNC_CASES = positive("RUN_ASYNC_CASES", 25)
DATA_UPLOAD_MAX_MEMORY_SIZE = positive("BODY_MAX_BYTES", 16 * 1024**2)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

# Long work. `database`: workers are `manage.py db_worker`; `celery`: they are `celery -A jobs.celery worker`.
TASKS_BACKEND = choice("TASKS_BACKEND", ("database", "celery"), "database")
TASKS_BACKENDS = {"database": "django_tasks_db.DatabaseBackend", "celery": "jobs.celery_backend.CeleryBackend"}
TASKS = {"default": {"BACKEND": TASKS_BACKENDS[TASKS_BACKEND], "QUEUES": ["default"]}}
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "")
CELERY_QUEUE = env.str("CELERY_QUEUE", "exemplar")
if TASKS_BACKEND == "celery" and not CELERY_BROKER_URL:
    raise ImproperlyConfigured("TASKS_BACKEND is celery; CELERY_BROKER_URL must name its broker, as redis://host:6379.")
# A worker that has not been heard of for so long has lost its job to another.
JOB_LEASE_SECONDS = positive("JOB_LEASE_SECONDS", 30)

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["config.api.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.api.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.access.MayUse"],
    "DEFAULT_PAGINATION_CLASS": "config.api.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["config.api.StrictFilterBackend"],
    "DEFAULT_METADATA_CLASS": "config.api.metadata.Metadata",
    "DEFAULT_SCHEMA_CLASS": "config.api.operations.Operation",
    "EXCEPTION_HANDLER": "config.api.handle_exception",
    "DEFAULT_VERSIONING_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,  # `format` is a word of our own: what a file holds
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Exemplar",
    "DESCRIPTION": "The catalog of what your data looks like, what your functions do to it, "
    "and the examples that prove it.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["config.api.schema.version_one"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.schema.with_problems",
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
