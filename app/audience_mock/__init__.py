"""A mock server for two advertising audience APIs: Pinterest REST API v5 and the PitchTarget Audience API."""

__version__ = "0.1.0"
