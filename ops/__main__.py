"""`python -m ops` is the `smartplus` command."""

from ops.cli import main

main()
