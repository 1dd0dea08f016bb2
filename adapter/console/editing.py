"""Whether mappings may be changed over HTTP, as far as settings and the connection decide. Pure.

A mapping decides what data is sent to Browsee. So with `auto`, a service that other machines reach at its address for
senders accepts changes over HTTPS only. It accepts none if several replicas run, because each reads a file of its own.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, TypeAlias, assert_never

EditSetting: TypeAlias = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPolicy:
    """`has_replicas`: several processes may serve the queue. `is_public`: other machines reach the paths for operators
    at the address for senders.
    """

    setting: EditSetting
    has_replicas: bool
    is_public: bool

    def why_not(self, *, scheme: str) -> str | None:
        """Why a request that came by `scheme` may not change mappings; None if it may."""
        match self.setting:
            case "on":
                return None
            case "off":
                return "the setting `console.edit` is off"
            case "auto":
                return self._why_not_by_itself(scheme)
            case _:
                assert_never(self.setting)

    def _why_not_by_itself(self, scheme: str) -> str | None:
        if self.has_replicas:
            return "several replicas run, each with a file of its own; change the file where all of them read it"
        if self.is_public and scheme != "https":
            return (
                "the service listens on an address that other machines reach, and this connection is not HTTPS: use "
                "HTTPS, or set `admin_listen`, or `console.edit: on`"
            )
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
