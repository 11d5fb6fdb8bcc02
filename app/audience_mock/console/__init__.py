"""The console, a page to look at the mock and control it by hand, and the API docs: static files, and what
serves them. Both speak to the server through its public APIs only.

Imported at the first request for a page: most servers are never looked at.
"""

from audience_mock.console.files import serve, serve_docs

__all__ = ["serve", "serve_docs"]
