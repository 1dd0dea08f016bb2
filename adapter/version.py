"""The version of the project, which the build of the package reads. Imports nothing: `--version` answers at once."""

VERSION = "1.0.0rc1"
