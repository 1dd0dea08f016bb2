"""What schemathesis does not ask: lines longer than HTTP servers read, which no handler of ours ever sees."""

from typing import Any
from urllib.parse import quote

import schemathesis

_LONGEST = 8_000


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Whether `case` is to be asked."""
    values = [*(case.path_parameters or {}).values(), *(case.query or {}).items()]
    return len(quote(str(values))) < _LONGEST
