"""Why rows that a person gave to a page were not taken, told in its form: one way for every page."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import DatabaseError

from catalog.contents import UnknownRowsError
from catalog.formats.opening import ReadingOptionError
from catalog.forms.files import ReadingForm
from catalog.forms.objects import database_refusal
from catalog.row_errors import Report
from catalog.set_aside import TooManyRowsError
from catalog.sources import MalformedError
from catalog.writing import NonconformingError, StaleObjectError, StaleVersionError


class RowsTaking:
    """A page that takes rows, by a form with the fields `file` and `pasted`.

    report: which rows do not conform. stale: somebody else wrote meanwhile. What else stands against the rows is an
    error in the form.
    """

    form: ReadingForm
    report: Report | None = None
    stale: StaleVersionError | None = None

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Take what refuses the rows; what comes after the block is reached by those that are refused, too."""
        try:
            yield
        except NonconformingError as error:
            self.report = error.report
        except StaleVersionError as error:
            self.stale = error
        except (MalformedError, ReadingOptionError) as error:
            self.form.refuse(error, "pasted" if (self.form.cleaned_data.get("pasted") or "").strip() else "file")
        except ValidationError as error:
            self.form.add_error(None, error.messages[0])
        except (StaleObjectError, TooManyRowsError, UnknownRowsError, DatabaseError, OSError) as error:
            self.form.add_error(None, database_refusal(error))
