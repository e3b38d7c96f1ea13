"""`python -m lossmith`: the command line."""

from __future__ import annotations

from lossmith.cli import main

if __name__ == "__main__":
    main()
