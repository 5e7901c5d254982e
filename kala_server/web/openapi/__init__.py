"""The API described as OpenAPI 3.1: made of the models that read requests and answers, and of one table of operations.

Nothing here handles a job, and no handler looks here: tests hold the description against the routes and the answers.
"""
