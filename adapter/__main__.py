"""`python -m adapter` is `browsee-adapter`."""

from adapter.cli.main import main

main()
