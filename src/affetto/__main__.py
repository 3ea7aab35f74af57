"""``python -m affetto``: the command line."""

from affetto.cli import main

main()
