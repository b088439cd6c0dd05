"""The addresses of jobs: the API's, below /api/v1/, the pages', and the WebSocket's."""

from django.urls import URLPattern, URLResolver, re_path

from config.api.viewsets import ULID_PATTERN, Router
from jobs.serializers import feed
from jobs.views import job_cancel, job_detail, job_list
from jobs.viewsets import JobViewSet
from jobs.watching import WatchConsumer


class JobConsumer(WatchConsumer):
    """The WebSocket of a job."""

    feed = feed


router = Router()
router.register("jobs", JobViewSet, basename="api-job")

api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^jobs/?$", job_list, name="job-list"),
    re_path(r"^jobs/(?P<pk>\w+)/?$", job_detail, name="job-detail"),
    re_path(r"^jobs/(?P<pk>\w+)/cancel/?$", job_cancel, name="job-cancel"),
]

websocket_urlpatterns: list[URLPattern | URLResolver] = [
    re_path(rf"^ws/jobs/(?P<id>{ULID_PATTERN})/?$", JobConsumer.as_asgi()),
]
