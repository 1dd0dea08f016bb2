"""Words that need an extra: one that is not installed is an error that names the command to install it."""

from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run import places, user_agents


def has_user_agents(node: Node, reader: Reader) -> bool:
    """Whether user agents can be read; adds an error if not."""
    if user_agents.is_installed():
        return True
    reader.error_of_key("E159", node, f"`{node.name}` needs the extra `ua`: {user_agents.INSTALL}")
    return False


def has_places(node: Node, reader: Reader) -> bool:
    """Whether locations can be looked up; adds an error if not, and the place to `reader.unlocated` without a
    database.
    """
    if not places.is_installed():
        reader.error_of_key("E159", node, f"`{node.name}` needs the extra `geo`: {places.INSTALL}")
        return False
    if not reader.has_places:
        reader.unlocated.add(node.path)
    return True
