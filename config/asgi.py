"""The ASGI application: `config.asgi:application`."""

import os
import warnings

from config.serving import KeptThreads, get_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# WhiteNoise serves small files with synchronous iterators, which is harmless; rows are streamed asynchronously.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
django_application = get_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 (needs what the line above loads)

from config.bodies import BodyLimit  # noqa: E402
from config.urls import websocket_urlpatterns  # noqa: E402
from jobs.watching import with_session  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": KeptThreads(BodyLimit(django_application)),
        "websocket": with_session(URLRouter(websocket_urlpatterns)),
    }
)
