"""`audience-mock sweep`: a command, once for each of its calls and each kind of fault."""
