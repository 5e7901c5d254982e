"""Questions across all jobs, each a function of the state: what it costs is what it shows. Nothing here changes it."""
