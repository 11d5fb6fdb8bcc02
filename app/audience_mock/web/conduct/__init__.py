"""The conduct report: rules that judge a client by the requests of a world's journal.

Nothing here is imported before the first report. A rule is judged by a `Check`, which sees the requests in
their order; what is particular to an API, its package says (`facts.Conduct`), and it may have rules of its
own.
"""
