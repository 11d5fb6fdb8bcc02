"""The audience API of Acme Ads, an API that does not exist: an example of a provider of your own."""
