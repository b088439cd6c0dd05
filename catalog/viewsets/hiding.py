"""Errors of rows over REST, without the values that a caller may not see."""

from typing import Any

from rest_framework.response import Response

from catalog.models import ObjectSchema
from catalog.sight import hidden_in, without_values
from catalog.writing import NonconformingError


class HidesValues:
    """A view that takes rows of an Object."""

    request: Any

    def shape_of_rows(self) -> ObjectSchema | None:
        """The Object of the rows that were refused."""
        raise NotImplementedError

    def handle_exception(self, error: Exception) -> Response:
        """Tell what is wrong; what a caller may not read he is not told either."""
        if isinstance(error, NonconformingError):
            shape = self.shape_of_rows()
            hidden = hidden_in(self.request._request, shape.schema) if shape else frozenset()
            if hidden:
                error = NonconformingError(without_values(error.report, hidden))
        answer: Response = super().handle_exception(error)  # type: ignore[misc] # of the view
        return answer
