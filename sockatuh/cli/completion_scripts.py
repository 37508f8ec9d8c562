"""Makes the scripts that complete this program's command lines in bash, zsh and fish.

They contain the whole command tree and do not run the program, which would take longer than people wait for a Tab; but
for the names in an admin's orders, which `box/names_at_tab.py` prints without loading the command line. Members choose
those names, so they are quoted for the shell, and nothing in the scripts evaluates them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from . import NAMES_AT_TAB
from .command_tree import MADE_FROM, NAMES, Command, Parameter, Takes


def bash_script(program: Command) -> str:
    """Return the script for bash, from 4.0 on."""
    cases: list[tuple[str, str]] = []
    for command in (program, *program.commands):
        for option in command.options:
            if option.takes is not Takes.NOTHING:
                cases += [(f"{command.name} {name}", _bash_value(option)) for name in option.names]
        for place, argument in enumerate(command.arguments):
            if argument.takes is not Takes.TEXT:
                cases.append((f"{command.name} {place}", _bash_value(argument)))
        cases.append((f"{command.name} options", " ".join(option.names[-1] for option in command.options)))
    cases.append((" 0", _names(program)))
    by_value: dict[str, list[str]] = {}
    for key, value in cases:
        by_value.setdefault(value, []).append(f'"{key}"')
    rows = [f'        {" | ".join(keys)}) takes="{value}" ;;' for value, keys in by_value.items()]
    return _BASH.replace("@cases@", "\n".join(rows))


OF_PEOPLE: Final = tuple(dict.fromkeys(NAMES.values()))
"""What is asked of the server."""
_BASH: Final = f"""\
# {MADE_FROM}

# Set `takes` to what a command takes after an option, in a place (0 is the first) or as options.
_sockatuh_takes() {{
    case "$1 $2" in
@cases@
        *) takes="" ;;
    esac
}}

_sockatuh() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command="" option="" ended="" takes="" place=0 each i IFS=$' \\t\\n'
    COMPREPLY=()
    ((COMP_CWORD == 1)) || command=${{COMP_WORDS[1]}}
    for ((i = 2; i < COMP_CWORD; i++)); do
        each=${{COMP_WORDS[i]}}
        if [[ -n $option ]]; then
            [[ $each == = ]] || option=""
        elif [[ -z $ended && $each == -- ]]; then
            ended=yes
        elif [[ -z $ended && $each == -?* ]]; then
            _sockatuh_takes "$command" "$each"
            [[ -z $takes ]] || option=$each
        else
            place=$((place + 1))
        fi
    done
    if [[ -n $option ]]; then
        [[ $word != = ]] || word=""
        _sockatuh_takes "$command" "$option"
    elif [[ -z $ended && $word == -* ]]; then
        _sockatuh_takes "$command" options
    else
        _sockatuh_takes "$command" "$place"
    fi
    case $takes in
        "" | :text) ;;
        :file) compopt -o default ;;
        :directory) compopt -o dirnames ;;
        {" | ".join(f":{each}" for each in OF_PEOPLE)})
            while IFS= read -r each; do
                printf -v each %q "$each"
                COMPREPLY+=("$each")
            done < <("${{COMP_WORDS[0]/#\\~/${{HOME-}}}}" {NAMES_AT_TAB} "${{takes#:}}" "$word" 2>/dev/null </dev/null)
            ;;
        *) COMPREPLY=($(compgen -W "$takes" -- "$word")) ;;
    esac
}}

complete -F _sockatuh sockatuh
"""


def _bash_value(parameter: Parameter) -> str:
    return " ".join(parameter.choices) if parameter.choices else f":{parameter.takes}"


def zsh_script(program: Command) -> str:
    """Return the script for zsh, which is a function to load from $fpath, and can also be evaluated."""
    commands = "\n".join(f"        {_zsh_quoted(f'{each.name}:{each.summary}')}" for each in program.commands)
    cases = "\n".join(
        f"                {each.name})\n                    _arguments -S"
        + "".join(f" \\\n                        {spec}" for spec in _zsh_specs(each))
        + " && outcome=0\n                    ;;"
        for each in program.commands
    )
    options = " ".join(_zsh_option(each, "(- *)") for each in program.options)
    return _ZSH.replace("@commands@", commands).replace("@options@", options).replace("@cases@", cases)


_ZSH: Final = f"""\
#compdef sockatuh
# {MADE_FROM}

_sockatuh_names() {{
    local -a names
    names=(${{(f)"$($program {NAMES_AT_TAB} $1 $PREFIX 2>/dev/null </dev/null)"}})
    compadd -a names
}}

_sockatuh() {{
    local curcontext=$curcontext program=${{words[1]/#\\~/$HOME}} state line
    local -i outcome=1
    local -a commands
    local -A opt_args
    commands=(
@commands@
    )
    _arguments -C -A '-*' @options@ '1:command:->command' '*::argument:->argument' && return
    case $state in
        command)
            _describe -t commands command commands && outcome=0
            ;;
        argument)
            curcontext=${{curcontext%:*:*}}:sockatuh-$words[1]:
            case $words[1] in
@cases@
            esac
            ;;
    esac
    return outcome
}}

if [[ $funcstack[1] == _sockatuh ]]; then
    _sockatuh "$@"
else
    compdef _sockatuh sockatuh
fi
"""


def _zsh_specs(command: Command) -> Iterator[str]:
    for option in command.options:
        yield _zsh_option(option, f"({' '.join(option.names)})")
    for argument in command.arguments:
        start = "*:" if argument.is_repeated else ":" if argument.is_required else "::"
        # A message, which zsh shows for a space, would keep it from inserting an option here.
        action = "{false}" if argument.takes is Takes.TEXT else _zsh_action(argument)
        yield _zsh_quoted(f"{start}{_zsh_escaped(argument.metavar)}:{action}")


def _zsh_option(option: Parameter, excluded: str) -> str:
    takes_value = option.takes is not Takes.NOTHING
    ends = {True: "=" if takes_value else "", False: "+" if takes_value else ""}
    names = [f"{name}{ends[name.startswith('--')]}" for name in option.names]
    value = f":{_zsh_escaped(option.metavar)}:{_zsh_action(option)}" if takes_value else ""
    text = _zsh_quoted(f"[{_zsh_escaped(option.summary)}]{value}")
    listed = f"{{{','.join(names)}}}" if len(names) > 1 else names[0]
    return f"{_zsh_quoted(excluded)}{listed}{text}"


def _zsh_action(parameter: Parameter) -> str:
    match parameter.takes:
        case Takes.CHOICE:
            return f"({' '.join(parameter.choices)})"
        case Takes.FILE:
            return "_files"
        case Takes.DIRECTORY:
            return "_files -/"
        case Takes.NOTHING | Takes.TEXT:
            return " "
        case names:
            return f" _sockatuh_names {names}"


def _zsh_escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "[]:\\" else char for char in text)


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish_script(program: Command) -> str:
    """Return the script for fish, from 3.0 on."""
    rows = [
        f"complete -c sockatuh -n __fish_use_subcommand -a {each.name} -d {_fish_quoted(each.summary)}"
        for each in program.commands
    ]
    rows += [_fish_row("__fish_use_subcommand", each) for each in program.options]
    for command in program.commands:
        rows += [_fish_row(f"__sockatuh_in {command.name}", each) for each in command.options]
        for place, argument in enumerate(command.arguments):
            if argument.takes is not Takes.TEXT:
                rows.append(_fish_row(f"__sockatuh_in {command.name} {place}", argument))
    return _FISH.replace("@rows@", "\n".join(rows))


_FISH: Final = f"""\
# {MADE_FROM}

function __sockatuh_in --description 'Whether a command is given, and so many arguments after it'
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = $argv[1]; or return 1
    set -q argv[2]; or return 0
    set -e words[1..2]
    test (count (string match -v -- '-*' $words)) -eq $argv[2]
end

function __sockatuh_names --description 'Names that the room knows'
    set -l words (commandline -opc)
    $words[1] {NAMES_AT_TAB} $argv[1] (commandline -ct) 2>/dev/null </dev/null
end

complete -c sockatuh -f
@rows@
"""


def _fish_row(condition: str, parameter: Parameter) -> str:
    row = f"complete -c sockatuh -n {_fish_quoted(condition)}"
    for name in parameter.names:
        row += f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}"
    match parameter.takes:
        case Takes.CHOICE:
            row += f" -x -a {_fish_quoted(' '.join(parameter.choices))}"
        case Takes.FILE:
            row += " -r -F"
        case Takes.DIRECTORY:
            row += " -x -a '(__fish_complete_directories)'"
        case Takes.TEXT:
            row += " -x"
        case Takes.NOTHING:
            pass
        case names:
            row += f" -x -a '(__sockatuh_names {names})'"
    return f"{row} -d {_fish_quoted(parameter.summary)}" if parameter.names else row


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _names(program: Command) -> str:
    return " ".join(each.name for each in program.commands)


SCRIPTS: Final[dict[str, Callable[[Command], str]]] = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
"""The makers by the names of their shells."""
