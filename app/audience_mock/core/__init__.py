"""The domain: what an audience is and does. It knows neither HTTP nor any provider."""
