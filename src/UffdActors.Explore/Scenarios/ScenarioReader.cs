namespace UffdActors.Explore.Scenarios;

/// <summary>
/// Reads the part of HOCON that scenarios are written in: keys with dots, <c>=</c> or <c>:</c>, blocks, lists, words with and without
/// quotation marks, comments; what follows may stand behind a comma, on a new line, or straight behind a block or a list. Akka's parser
/// does not report the line of a key, and refuses a comma behind a block.
/// </summary>
internal sealed class ScenarioReader
{
    private const int Deepest = 16;
    private const string Ends = ",{}[]=:#\"\n";

    private readonly string _text;
    private readonly Func<string, int, ScenarioException> _bad;
    private int _at;
    private int _line = 1;

    private ScenarioReader(string text, Func<string, int, ScenarioException> bad)
    {
        _text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        _bad = bad;
    }

    private char Now => _at < _text.Length ? _text[_at] : '\0';

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="bad">Makes the exception of a problem on a line.</param>
    public static ScenarioNode Read(string text, Func<string, int, ScenarioException> bad)
    {
        ScenarioReader reader = new(text, bad);
        reader.Skip(commas: false);
        bool isBlock = reader.Now == '{';
        int line = reader._line;
        if (isBlock) reader._at++;
        ScenarioNode root = reader.Block(isBlock, line, depth: 1);
        reader.Skip(commas: false);
        return reader._at == reader._text.Length
            ? root
            : throw bad($"nothing is expected after the last '}}', and there is '{reader.Now}'", reader._line);
    }

    private ScenarioNode Block(bool isClosed, int opened, int depth)
    {
        if (depth > Deepest) throw _bad($"blocks and lists lie more than {Deepest} deep", _line);
        ScenarioNode block = new(opened) { Keys = new(StringComparer.Ordinal) };
        while (true)
        {
            Skip(commas: true);
            if (_at == _text.Length)
            {
                if (isClosed) throw _bad("what is opened here lacks its '}'", opened);
                return block;
            }

            if (Now == '}')
            {
                if (!isClosed) throw _bad("'}' closes nothing", _line);
                _at++;
                return block;
            }

            int line = _line;
            if (Now is '=' or ':') throw _bad($"there is no key in front of this '{Now}'; is a comma missing before the key?", line);
            string[] path = Path();
            Skip(commas: false);
            if (Now is '=' or ':')
            {
                _at++;
                Blank();
                if (Now is '\0' or '\n' or ',' or '}' or '#') throw _bad($"key \"{string.Join('.', path)}\" has no value", line);
            }
            else if (Now != '{')
            {
                throw _bad($"\"{string.Join('.', path)}\" is no key: '=' and a value, or a block, must follow", line);
            }

            Put(block, path, Value(depth), line);
        }
    }

    private void Put(ScenarioNode block, string[] path, ScenarioNode value, int line)
    {
        for (int i = 0; i < path.Length - 1; i++)
        {
            if (!block.Keys!.TryGetValue(path[i], out ScenarioNode? inner) || inner.Keys is null)
                block.Keys[path[i]] = inner = new ScenarioNode(line) { Keys = new(StringComparer.Ordinal) };
            block = inner;
        }

        string key = path[^1];
        if (!block.Keys!.TryGetValue(key, out ScenarioNode? before))
        {
            block.Keys[key] = value with { Line = line };
            return;
        }

        // Two blocks of one name are merged; any other key set twice is an error.
        if (before.Keys is null || value.Keys is null)
            throw _bad($"key \"{key}\" is set twice, first on line {before.Line}; take one away", line);
        foreach ((string name, ScenarioNode inner) in value.Keys) Put(before, [name], inner, inner.Line);
    }

    private string[] Path()
    {
        List<string> parts = [];
        do
        {
            if (Now == '.') _at++;
            parts.Add(Now == '"' ? Quoted() : Plain(".", "a key is expected here"));
            Blank();
        }
        while (Now == '.');
        return [.. parts];
    }

    private ScenarioNode Value(int depth)
    {
        int line = _line;
        switch (Now)
        {
            case '{':
                _at++;
                return Block(isClosed: true, line, depth + 1);
            case '[':
                _at++;
                return List(line, depth + 1);
            case '"':
                return new ScenarioNode(line) { Word = Quoted() };
            default:
                string word = Plain("", "a value is expected here").TrimEnd();
                if (word.StartsWith("${", StringComparison.Ordinal) || word[0] == '$')
                    throw _bad("substitutions (${...}) are not supported; write the value itself", line);
                return new ScenarioNode(line) { Word = word };
        }
    }

    private ScenarioNode List(int opened, int depth)
    {
        if (depth > Deepest) throw _bad($"blocks and lists lie more than {Deepest} deep", _line);
        List<ScenarioNode> items = [];
        while (true)
        {
            Skip(commas: true);
            if (_at == _text.Length) throw _bad("what is opened here lacks its ']'", opened);
            if (Now == ']')
            {
                _at++;
                return new ScenarioNode(opened) { Items = items };
            }

            items.Add(Value(depth));
        }
    }

    private string Quoted()
    {
        int end = _at + 1;
        while (end < _text.Length && _text[end] is not ('"' or '\n')) end += _text[end] == '\\' ? 2 : 1;
        if (end >= _text.Length || _text[end] == '\n') throw _bad("a quotation mark is not closed", _line);
        string word = _text[(_at + 1)..end].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
        _at = end + 1;
        return word;
    }

    private string Plain(string alsoEnds, string expected)
    {
        int start = _at;
        while (_at < _text.Length && !Ends.Contains(_text[_at], StringComparison.Ordinal)
            && !alsoEnds.Contains(_text[_at], StringComparison.Ordinal) && !IsComment()
            && !(_at > start + 1 && _text[start] == '$' && _text[_at] == '{'))
        {
            _at++;
        }

        if (_at > start && _text[start] == '$') throw _bad("substitutions (${...}) are not supported; write the value itself", _line);
        string word = _text[start.._at].Trim();
        return word.Length > 0
            ? word
            : throw _bad(_at == _text.Length ? $"{expected}, and the text ends" : $"{expected}, and there is '{Now}'", _line);
    }

    private bool IsComment() => Now == '#' || (Now == '/' && _at + 1 < _text.Length && _text[_at + 1] == '/');

    private void Blank()
    {
        while (Now is ' ' or '\t') _at++;
    }

    private void Skip(bool commas)
    {
        while (_at < _text.Length)
        {
            if (IsComment())
            {
                while (_at < _text.Length && _text[_at] != '\n') _at++;
            }
            else if (char.IsWhiteSpace(Now) || (commas && Now == ',') || Now == '\uFEFF')
            {
                if (Now == '\n') _line++;
                _at++;
            }
            else
            {
                return;
            }
        }
    }
}
