"""The version of the project, which the build of the package reads. Imports nothing: `--version` answers at once."""

VERSION = "0.1.0"
