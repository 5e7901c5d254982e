"""`python -m kala_server`: the same as the command `kala`. Nothing else happens here."""

from kala_server.cli import main

if __name__ == "__main__":
    main()
