"""`python -m objserver` is `objserver`."""

from objserver.cli import main

if __name__ == "__main__":
    main(prog_name="objserver")
