"""The REST API of the hand-written site."""

from rest_framework import routers, serializers, viewsets

from benchmarks.plain.models import Record, Sheet


class SheetSerializer(serializers.ModelSerializer[Sheet]):
    class Meta:
        model = Sheet
        fields = ["id", "name", "description", "rows", "created_at", "updated_at"]


class SheetListSerializer(serializers.ModelSerializer[Sheet]):
    class Meta:
        model = Sheet
        fields = ["id", "name", "description", "created_at", "updated_at"]


class SheetViewSet(viewsets.ModelViewSet[Sheet]):
    queryset = Sheet._default_manager.order_by("name")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Sheet]]:
        return SheetListSerializer if self.action == "list" else SheetSerializer


class RecordSerializer(serializers.ModelSerializer[Record]):
    class Meta:
        model = Record
        fields = ["id", "sheet", "data"]


class RecordViewSet(viewsets.ModelViewSet[Record]):
    queryset = Record._default_manager.order_by("id")
    serializer_class = RecordSerializer


router = routers.SimpleRouter()
router.register("sheets", SheetViewSet)
router.register("records", RecordViewSet)
urlpatterns = router.urls
