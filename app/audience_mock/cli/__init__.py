"""The command `audience-mock`: the group and its error handling in `main`, a module for each subcommand.

Every subcommand imports what it runs inside its function, so that none pays for another's imports.
"""
