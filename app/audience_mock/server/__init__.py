"""uvicorn with readiness, limits and shutdown."""
