"""The fault sweep: a job runs once for each call that it makes and each fault that the call may meet.

It speaks to the server over the control API alone, so the server may be anywhere. `engine` does the runs, of
a command by `processes` and of a function by `functions`; `report` and its neighbours tell what was found.
"""
