"""Who calls."""

from rest_framework import authentication
from rest_framework.request import Request


class SessionAuthentication(authentication.SessionAuthentication):
    """Signed in by session. Names a scheme, so that an unknown caller gets 401 rather than 403."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="exemplar"'
