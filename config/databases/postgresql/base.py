"""Django's backend for PostgreSQL, without its log of statements."""

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL."""

    @property
    def queries_logged(self) -> bool:
        """Only where a test asks for it: with DEBUG, Django would keep the text of every Part that is stored."""
        return bool(self.force_debug_cursor)
