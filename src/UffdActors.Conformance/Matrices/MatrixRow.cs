using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Matrices;

/// <summary>
/// One row of a recorded matrix: memory in a known state, one operation on it, and its result. A row is executed as a short program of the
/// trace's operations, made from its input columns alone.
/// </summary>
/// <param name="File">File that holds the row.</param>
/// <param name="Line">Line number.</param>
/// <param name="Values">Columns by name.</param>
internal abstract record MatrixRow(string File, int Line, IReadOnlyDictionary<string, string> Values)
{
    private protected const int Toucher = 1;
    private protected const int Accessor = 0;

    private const int FileNumber = 0;
    private const long PresentByte = 80;
    private const long CachedByte = 67;
    private const ulong HugeArena = 0x4000_0000;

    /// <summary>The columns that are compared.</summary>
    public abstract IReadOnlyList<string> Outcomes { get; }

    /// <summary>Executes the row in a new model.</summary>
    /// <param name="model">Executes the steps.</param>
    /// <param name="header">Where things lie in it.</param>
    /// <returns>A value for each outcome column.</returns>
    public abstract IReadOnlyDictionary<string, string> Execute(ModelExecutor model, TraceHeader header);

    /// <summary>The input columns, and the values that each may have.</summary>
    private protected abstract IReadOnlyDictionary<string, IReadOnlyList<string>> Inputs { get; }

    private static readonly string[] Backends = ["anon", "shmem", "shmem-private", "hugetlb", "hugetlb-private"];

    private static readonly string[] States =
    [
        "none", "none+wp", "none+wp(UNPOP)", "zeropage", "zeropage+wp", "present", "present+wp", "cache-unmapped", "cache+wp",
        "poisoned", "cache+poisoned", "wp-then-DONTNEED", "wp-then-punch", "wp-then-unwp", "beyond-eof",
    ];

    private static readonly string[] RegisteredModes = ["M", "W", "MW", "I", "MI", "WI", "MWI"];

    /// <summary>Names an invalid input; null if all are valid.</summary>
    internal string? Unknown()
    {
        foreach ((string column, IReadOnlyList<string> known) in Inputs.Concat(
            [new("backend", Backends), new("state", States), new("mode", RegisteredModes)]))
        {
            if (!known.Contains(Values[column])) return $"unknown {column} \"{Values[column]}\"";
        }

        return null;
    }

    /// <summary>True if a text occurs in the row.</summary>
    public bool Matches(string text) => string.Join(',', Values.Values).Contains(text, StringComparison.OrdinalIgnoreCase);

    /// <summary>Compares a row's outcome columns.</summary>
    public void Compare(Differ differ, IReadOnlyDictionary<string, string> actual)
    {
        ArgumentNullException.ThrowIfNull(differ);
        ArgumentNullException.ThrowIfNull(actual);
        foreach (string column in Outcomes) differ.Compare(Line, column, Values[column], actual[column]);
    }

    /// <summary>A column's value.</summary>
    private protected string this[string column] => Values[column];

    /// <summary>Page size of the row's memory in bytes.</summary>
    private protected ulong PageBytes => IsHuge ? PageSize.Huge : (ulong)PageSize.Base;

    /// <summary>hugetlb.</summary>
    private protected bool IsHuge => this["backend"].StartsWith("hugetlb", StringComparison.Ordinal);

    private string Kind => this["backend"] switch
    {
        "anon" => "anon",
        "shmem" => "shm",
        "shmem-private" => "shmp",
        "hugetlb" => "htlb",
        _ => "htlbp",
    };

    private protected ulong ModeBits
    {
        get
        {
            RegisterModes modes = RegisterModes.None;
            if (this["mode"].Contains('M', StringComparison.Ordinal)) modes |= RegisterModes.Missing;
            if (this["mode"].Contains('W', StringComparison.Ordinal)) modes |= RegisterModes.WriteProtect;
            if (this["mode"].Contains('I', StringComparison.Ordinal)) modes |= RegisterModes.Minor;
            return (ulong)modes;
        }
    }

    /// <summary>Where the memory in question lies: apart from everything else.</summary>
    private protected ulong Area(TraceHeader header, int number = 0) =>
        header.ArenaStart + (IsHuge ? HugeArena : 0) + ((ulong)number * 2 * PageBytes);

    /// <summary>
    /// Brings one page into the state of the row, as a program on a real kernel would: through the file, by touching it before it is
    /// registered, and by ioctls afterwards.
    /// </summary>
    private protected void Prepare(RowRun run, UffdFeatures features)
    {
        string state = this["state"];
        int plus = state.IndexOf('+', StringComparison.Ordinal);
        string before = plus < 0 ? state : state[..plus];
        string after = plus < 0 ? "" : state[(plus + 1)..];
        (before, after) = (before, after) switch
        {
            ("poisoned", "") => ("none", "poisoned"),
            ("wp-then-DONTNEED" or "wp-then-punch" or "wp-then-unwp", "") => ("present", before),
            (_, "wp(UNPOP)") => (before, "wp"),
            _ => (before, after),
        };

        ulong area = Area(run.Header);
        if (Kind != "anon")
            run.Prepare(new ProgramStep(ProgramOp.File) { Number = FileNumber, Kind = IsHuge ? "htlb" : "shm", Length = PageBytes });
        if (before is "cache-unmapped" or "cache") FillCache(run);
        run.Prepare(new ProgramStep(ProgramOp.Mmap) { Address = area, Length = PageBytes, Word = 3, Kind = Kind, Number = FileNumber });
        switch (before)
        {
            case "none" or "cache-unmapped" or "cache":
                break;
            case "zeropage":
                run.Touch(area, "read", 0);
                break;
            case "present":
                run.Touch(area, "write", PresentByte);
                break;
            default: // beyond-eof
                run.Prepare(new ProgramStep(ProgramOp.Truncate) { Number = FileNumber, Length = 0 });
                break;
        }

        run.Prepare(new ProgramStep(ProgramOp.Open) { Word = (ulong)(UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock) });
        run.Prepare(new ProgramStep(ProgramOp.Api) { Magic = Uffd.ApiMagic, Word = (ulong)features });
        run.Prepare(new ProgramStep(ProgramOp.Register) { Address = area, Length = PageBytes, Word = ModeBits });
        ProgramStep protect = new(ProgramOp.Writeprotect) { Address = area, Length = PageBytes, Word = (ulong)WriteProtectModes.Protect };
        switch (after)
        {
            case "":
                break;
            case "wp":
                run.Prepare(protect);
                break;
            case "poisoned":
                run.Prepare(new ProgramStep(ProgramOp.Poison) { Address = area, Length = PageBytes });
                break;
            case "wp-then-DONTNEED":
                run.Prepare(protect);
                run.Prepare(new ProgramStep(ProgramOp.Madvise) { Address = area, Length = PageBytes, Kind = "DONTNEED" });
                break;
            case "wp-then-punch":
                run.Prepare(protect);
                run.Prepare(new ProgramStep(ProgramOp.Punch) { Number = FileNumber, Length = PageBytes });
                break;
            default: // wp-then-unwp
                run.Prepare(protect);
                run.Prepare(protect with { Word = (ulong)WriteProtectModes.Clear });
                break;
        }
    }

    // A hugetlb file has no write(2); its page is written through another mapping.
    private void FillCache(RowRun run)
    {
        if (!IsHuge)
        {
            run.Prepare(new ProgramStep(ProgramOp.Fwrite) { Number = FileNumber, Value = CachedByte });
            return;
        }

        ulong alias = Area(run.Header, 1);
        run.Prepare(new ProgramStep(ProgramOp.Mmap) { Address = alias, Length = PageBytes, Word = 3, Kind = "htlb", Number = FileNumber });
        run.Touch(alias, "write", CachedByte);
        run.Prepare(new ProgramStep(ProgramOp.Munmap) { Address = alias, Length = PageBytes });
    }

    /// <summary>A row that is being executed.</summary>
    private protected sealed class RowRun(ModelExecutor model, TraceHeader header)
    {
        private int _steps;

        public TraceHeader Header { get; } = header;

        /// <summary>0 if every step of the preparation succeeded, otherwise the first failure.</summary>
        public string Preparation { get; private set; } = "0";

        public Observation Do(ProgramStep step) => model.Execute(step with { Index = _steps++ });

        public void Prepare(ProgramStep step) => Expect(Do(step).Error);

        public void Touch(ulong address, string kind, long value) =>
            Expect(Do(Access(Toucher, address, kind, value)).Result is { } r && !r.StartsWith("ok:", StringComparison.Ordinal) ? r : null);

        public static ProgramStep Access(int thread, ulong address, string kind, long value) =>
            new(ProgramOp.Access) { Thread = thread, Address = address, Kind = kind, Value = value };

        /// <summary>What pagemap shows of a page: present, swap-type, file, write-protected.</summary>
        public string PagemapOf(ulong address)
        {
            int bits = model.PageStateAt(address);
            return string.Create(4, bits, (text, b) =>
            {
                text[0] = (b & 8) != 0 ? 'P' : '-';
                text[1] = (b & 4) != 0 ? 'S' : '-';
                text[2] = (b & 2) != 0 ? 'F' : '-';
                text[3] = (b & 1) != 0 ? 'W' : '-';
            });
        }

        /// <summary>An access's outcome in the words of the matrices.</summary>
        public static string OutcomeOf(Observation o)
        {
            string result = o.Result ?? "";
            return result.StartsWith("sigbus:", StringComparison.Ordinal) ? $"SIGBUS(code={result[7..]})"
                : result.StartsWith("sigsegv:", StringComparison.Ordinal) ? $"SIGSEGV(code={result[8..]})"
                : result;
        }

        private void Expect(string? failure)
        {
            if (failure is not null && Preparation == "0") Preparation = failure;
        }
    }
}
