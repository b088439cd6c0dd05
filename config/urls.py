"""Every address of the site. Each app's `urls` has lists: `api_urlpatterns`, below /api/v1/, `urlpatterns`, and, where
something can be watched, `websocket_urlpatterns`."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

import config.api.schema  # noqa: F401 (what OpenAPI says of the parts that every resource shares)
from catalog import urls as catalog
from config.views import Health, NoSuchAddress
from jobs import urls as jobs
from jobs.watching import NoSuchWatch
from processes import urls as processes
from testcases import urls as testcases

admin.autodiscover()  # here, since commands do without
admin.site.site_header = admin.site.site_title = "Exemplar"

api_urlpatterns: list[URLPattern | URLResolver] = [
    *jobs.api_urlpatterns,
    *catalog.api_urlpatterns,
    *processes.api_urlpatterns,
    *testcases.api_urlpatterns,
]

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^health/?$", Health.as_view(), name="health"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/exemplar.svg")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    re_path(
        r"^api/redoc/?$", SpectacularRedocView.as_view(url_name="schema", template_name="redoc.html"), name="redoc"
    ),
    re_path(r"^api/v1/health/?$", Health.as_view()),
    path("api/v1/", include(api_urlpatterns)),
    re_path(r"^api/", NoSuchAddress.as_view()),
    *jobs.urlpatterns,
    *catalog.urlpatterns,
    *processes.urlpatterns,
    *testcases.urlpatterns,
]

websocket_urlpatterns: list[URLPattern | URLResolver] = [
    *jobs.websocket_urlpatterns,
    *testcases.websocket_urlpatterns,
    re_path("", NoSuchWatch.as_asgi()),
]
