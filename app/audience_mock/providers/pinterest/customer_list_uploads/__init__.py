"""Uploads in parts to a customer list."""

from audience_mock.providers.pinterest.customer_list_uploads.parts import router as part_router
from audience_mock.providers.pinterest.customer_list_uploads.routes import router

__all__ = ["part_router", "router"]
