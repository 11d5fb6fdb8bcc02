"""`audience-mock contract-diff`: which calls of a command two versions of an API answer otherwise."""
