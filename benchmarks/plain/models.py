"""Rows as JSON, all in one column or one to a database row."""

from django.db import models


class Sheet(models.Model):
    """A small table whose rows are one JSON value."""

    name = models.CharField(max_length=256, unique=True)
    description = models.TextField(blank=True, default="")
    rows = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class Record(models.Model):
    """One row of a large table."""

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="records")
    data = models.JSONField()
