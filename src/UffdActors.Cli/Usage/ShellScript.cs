namespace UffdActors.Cli.Usage;

/// <summary>What a shell reads to complete command lines: it asks the program itself, which knows its commands.</summary>
internal static class ShellScript
{
    /// <summary>How a shell asks: <c>uffd complete -- WORD...</c>, the word to be completed last.</summary>
    public const string Question = "complete";

    /// <summary>For bash: <c>source &lt;(uffd completion bash)</c>.</summary>
    public const string Bash = """
        # Completion of uffd for bash: source <(uffd completion bash)
        _uffd() {
            local IFS=$'\n'
            COMPREPLY=($("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
        }
        complete -o default -F _uffd uffd
        """;

    /// <summary>For zsh: <c>source &lt;(uffd completion zsh)</c>, after compinit.</summary>
    public const string Zsh = """
        #compdef uffd
        # Completion of uffd for zsh: source <(uffd completion zsh), after compinit
        _uffd() {
            local -a found
            local line
            for line in ${(f)"$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
                found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
            done
            if (( ${#found} )); then _describe uffd found; else _files; fi
        }
        compdef _uffd uffd
        """;

    /// <summary>For fish: <c>uffd completion fish | source</c>.</summary>
    public const string Fish = """
        # Completion of uffd for fish: uffd completion fish | source
        function __uffd_complete
            set -l words (commandline -opc)
            set -l found ($words[1] complete -- $words[2..] (commandline -ct) 2>/dev/null)
            if test (count $found) -gt 0
                printf '%s\n' $found
            else
                __fish_complete_path (commandline -ct)
            end
        end
        complete -c uffd -f -a '(__uffd_complete)'
        """;
}
