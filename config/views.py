"""Answers that belong to no app: health, and addresses below /api/ where there is nothing."""

from typing import Any, NoReturn

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.health import check_health, is_healthy


class HealthSerializer(serializers.Serializer[Any]):
    """What /health answers."""

    status = serializers.ChoiceField(["ok", "down"])
    version = serializers.CharField()
    checks = serializers.DictField(child=serializers.CharField())


class Health(APIView):
    """Whether this server can do its work."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="health",
        summary="Tell whether this server can do its work",
        tags=["health"],
        responses={200: HealthSerializer, 503: HealthSerializer},
        examples=[
            OpenApiExample(
                "Healthy",
                {
                    "status": "ok",
                    "version": "0.1.0",
                    "checks": {"database": "ok", "cache_directory": "ok", "workers": "ok"},
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer 200, or 503 where a check begins with `down`. Open to everybody.

        `workers` is `ok` while one is heard of, `absent` where none is and no job waits, else down.
        """
        checks = check_health()
        healthy = is_healthy(checks)
        body = {"status": "ok" if healthy else "down", "version": settings.VERSION, "checks": checks}
        return Response(body, status=200 if healthy else 503)


class NoSuchAddress(APIView):
    """Anything below /api/ that no other address takes."""

    permission_classes = [AllowAny]
    schema = None

    def initial(self, request: Request, *args: Any, **options: Any) -> NoReturn:
        """Refuse every method alike."""
        raise NotFound(f"There is nothing at {request.path}; /api/docs lists what there is.")
