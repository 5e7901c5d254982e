"""`python -m kala_server`: the same as the command `kala`, with its hint where the extra is missing."""

from kala_client._entry import main

if __name__ == "__main__":
    main()
