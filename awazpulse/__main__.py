"""`python -m awazpulse` is the same as `awazpulse`."""

from awazpulse.cli import main

if __name__ == "__main__":
    main()
