"""The command `audience-mock`: a module for each subcommand."""
