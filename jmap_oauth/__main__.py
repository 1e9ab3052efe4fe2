"""`python -m jmap_oauth`: the same as the command `jmap-oauth`."""

from jmap_oauth.cli import main

if __name__ == "__main__":
    main()
