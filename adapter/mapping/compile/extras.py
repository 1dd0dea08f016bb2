"""Words that need more than the adapter: an extra that is not installed is an error that names the command."""

from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run import places, user_agents


def has_user_agents(node: Node, reader: Reader) -> bool:
    """Whether user agents can be read; notes an error if not."""
    if user_agents.is_installed():
        return True
    reader.error_of_key("E159", node, f"`{node.name}` needs the extra `ua`: {user_agents.INSTALL}")
    return False


def has_places(node: Node, reader: Reader) -> bool:
    """Whether places can be looked up; notes an error if not, and where there is no database at `reader.unlocated`."""
    if not places.is_installed():
        reader.error_of_key("E159", node, f"`{node.name}` needs the extra `geo`: {places.INSTALL}")
        return False
    if not reader.has_places:
        reader.unlocated.add(node.path)
    return True
