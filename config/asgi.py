"""The ASGI application: `config.asgi:application`."""

import os
import warnings

from config.serving import get_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# WhiteNoise serves small files with synchronous iterators, which is harmless; rows are streamed asynchronously.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
django_application = get_application()

from config.bodies import BodyLimit  # noqa: E402 (needs what the line above loads)

application = BodyLimit(django_application)
