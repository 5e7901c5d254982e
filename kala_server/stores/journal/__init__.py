"""The store on disk: one file of JSON lines."""
