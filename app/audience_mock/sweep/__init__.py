"""The fault sweep: a command is run once for each call that it makes and each fault that the call may meet.

It speaks to the server over the control API alone, so the server may be anywhere. `engine` does the runs,
`report` and its neighbours tell what was found.
"""
