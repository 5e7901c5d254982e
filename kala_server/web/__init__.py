"""HTTP: thin handlers over the service, one guard before all of them, one place for errors."""
