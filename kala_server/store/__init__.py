"""Where records are kept: the Store protocol and its backends, one a file."""
