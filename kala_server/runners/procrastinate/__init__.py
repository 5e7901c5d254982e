"""Has attempts carried out on other machines, by way of Procrastinate's queues in PostgreSQL.

Procrastinate is used for what it is trusted for: that a row goes from `todo` to `doing` once, is one worker's, and that
nobody undoes it. Its tables and functions are in the database; our functions (schema.sql) call them, each in one
statement, so that none hangs between two. Its own worker is not used: it stops taking anything when the database was
away for a moment, until all that it runs has ended.
"""
