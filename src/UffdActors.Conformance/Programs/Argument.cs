namespace UffdActors.Conformance.Programs;

/// <summary>One argument of an operation.</summary>
internal sealed class Argument
{
    private readonly Func<ProgramStep, string> _text;
    private readonly Func<ProgramStep, ulong> _word;
    private readonly Func<ProgramStep, bool>? _isMeant;
    private readonly Func<ProgramStep, string, ProgramStep> _setText;
    private readonly Func<ProgramStep, ulong, ProgramStep> _setWord;

    private Argument(
        string name,
        ArgumentForm form,
        Func<ProgramStep, bool>? isMeant,
        Func<ProgramStep, ulong> word,
        Func<ProgramStep, ulong, ProgramStep> setWord,
        Func<ProgramStep, string> text,
        Func<ProgramStep, string, ProgramStep> setText)
    {
        Name = name;
        Form = form;
        _isMeant = isMeant;
        _word = word;
        _setWord = setWord;
        _text = text;
        _setText = setText;
    }

    /// <summary>Key in a trace.</summary>
    public string Name { get; }

    /// <summary>How it is written.</summary>
    public ArgumentForm Form { get; }

    internal static Argument Hex(
        string name, Func<ProgramStep, ulong> get, Func<ProgramStep, ulong, ProgramStep> set, Func<ProgramStep, bool>? isMeant = null) =>
        new(name, ArgumentForm.Hex, isMeant, get, set, _ => "", (s, _) => s);

    internal static Argument Integer(
        string name, Func<ProgramStep, long> get, Func<ProgramStep, long, ProgramStep> set, Func<ProgramStep, bool>? isMeant = null) =>
        new(name, ArgumentForm.Integer, isMeant, s => (ulong)get(s), (s, v) => set(s, (long)v), _ => "", (s, _) => s);

    internal static Argument Text(
        string name, Func<ProgramStep, string> get, Func<ProgramStep, string, ProgramStep> set, Func<ProgramStep, bool>? isMeant = null) =>
        new(name, ArgumentForm.Text, isMeant, _ => 0, (s, _) => s, get, set);

    /// <summary>True if the step uses the argument; a trace leaves it out otherwise.</summary>
    public bool IsMeant(ProgramStep step) => _isMeant?.Invoke(step) ?? true;

    /// <summary>The value of a hex or integer argument.</summary>
    public ulong WordOf(ProgramStep step) => _word(step);

    /// <summary>The value of a text argument.</summary>
    public string TextOf(ProgramStep step) => _text(step);

    /// <summary>The step with another value.</summary>
    public ProgramStep With(ProgramStep step, ulong value) => _setWord(step, value);

    /// <summary>The step with another value.</summary>
    public ProgramStep With(ProgramStep step, string value) => _setText(step, value);
}
