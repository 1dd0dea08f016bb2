"""`browsee-adapter completion`: prints the script with which a shell completes the command."""

from collections.abc import Mapping
from typing import ClassVar, Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_PROGRAM: Final = "browsee-adapter"
_VARIABLE: Final = "_BROWSEE_ADAPTER_COMPLETE"
"""The variable, made by click of the program's name, by which a shell asks for completions."""


class _Bash(BashComplete):
    """click's own script offers either words or files; with this one a mapping can be a name or a file.

    It also completes the value in `--option=value`, which bash cuts at the `=`, and never treats a word as a pattern.
    """

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local words=() current=$COMP_CWORD index asked type value files=
    for index in "${!COMP_WORDS[@]}"; do
        if [[ ${COMP_WORDS[index]} == "=" && ${COMP_WORDS[index - 1]} == --* ]]; then
            if (( index < COMP_CWORD )); then (( current-- )); continue; fi
            if (( index == COMP_CWORD )); then words+=(""); continue; fi
        fi
        words+=("${COMP_WORDS[index]}")
    done
    asked=$(IFS=$'\\n'; echo "${words[*]}")
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            file|dir) files=$type ;;
        esac
    done < <(env COMP_WORDS="$asked" COMP_CWORD="$current" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    if [[ $files == dir ]]; then
        compopt -o dirnames
    elif [[ $files && ${#COMPREPLY[@]} == 0 ]]; then
        compopt -o default
    elif [[ $files ]]; then
        compopt -o filenames
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${words[current]}")
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Fish(FishComplete):
    """click's own script cuts the help of a word at its first comma."""

    source_template: ClassVar[str] = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


_SHELLS: Final[Mapping[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": ZshComplete, "fish": _Fish}


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(shell: str) -> None:
    """Print the script with which a shell completes commands, options, files and names.

    Save it where your shell looks for completions, and start a new shell. bash needs version 4.4 or newer and the
    package bash-completion; without that package add the line eval "$(browsee-adapter completion bash)" to ~/.bashrc.

    \b
    Examples:
      browsee-adapter completion bash > ~/.local/share/bash-completion/completions/browsee-adapter
      browsee-adapter completion zsh > ~/.zfunc/_browsee-adapter
      browsee-adapter completion fish > ~/.config/fish/completions/browsee-adapter.fish
    """
    # click needs the command itself only to complete words, which is not done here.
    script = _SHELLS[shell](click.Command(_PROGRAM), {}, _PROGRAM, _VARIABLE)
    click.echo(script.source(), nl=False)
