"""`python -m adapter` is `browsee-adapter`."""

from adapter.cli.entry import main

main()
