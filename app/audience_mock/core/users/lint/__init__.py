"""The hash linter: says of each uploaded value what it really is, and what the sender should change.

Nothing imports it until something is linted. It writes nothing and knows no store.
"""
