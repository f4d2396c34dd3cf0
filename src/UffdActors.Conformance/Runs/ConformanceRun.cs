using System.Diagnostics;
using UffdActors.Conformance.Matrices;
using UffdActors.Conformance.Replay;
using Trace = UffdActors.Conformance.Programs.Trace;

namespace UffdActors.Conformance.Runs;

/// <summary>Replays recorded behaviour in the model, every field of every step and row, and says what differed.</summary>
internal sealed class ConformanceRun(string folder, IReadOnlyList<RecordedFile> files, ConformanceOptions options)
{
    // Small enough that the threads end together, large enough that the distribution of work takes no time.
    private const int RowsOfAPiece = 100;

    /// <summary>Passes at the start of a speed measurement that do not count: the code is still being compiled.</summary>
    public const int WarmUpPasses = 2;

    private int _nextPiece;

    /// <summary>Replays everything.</summary>
    /// <param name="progress">Called with how many of how many pieces are done; from several threads.</param>
    /// <param name="passes">If above 0, traces are replayed as often again, on one thread, to see how fast that goes; at least 3.</param>
    /// <param name="cancel">Ends the run between two pieces.</param>
    public ConformanceReport Run(Action<int, int>? progress = null, int passes = 0, CancellationToken cancel = default)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Piece[] pieces = [.. files.SelectMany(PiecesOf)];
        _nextPiece = 0;
        OnThreads(Math.Min(options.Threads, pieces.Length), () => Work(pieces, progress, cancel));
        FileResult[] results = [.. files.Select(file => ResultOf(file, pieces))];
        // Of each row and trace every way must have compared something.
        int skipped = pieces.Sum(p => p.Results.Count == 0 ? p.Units : (p.Units * p.Results.Count) - p.Compared);
        List<SpeedResult> speed = [];
        if (passes > 0) OnThreads(1, () => speed.AddRange(MeasureSpeed(passes, cancel)));
        return new ConformanceReport(folder, options.Profile.Name, results, skipped, clock.Elapsed.TotalSeconds, speed);
    }

    private static IEnumerable<Piece> PiecesOf(RecordedFile file)
    {
        if (file.Trace is not null) return [new Piece(file, [])];
        return file.Rows.Chunk(RowsOfAPiece).Select(rows => new Piece(file, rows));
    }

    private void Work(Piece[] pieces, Action<int, int>? progress, CancellationToken cancel)
    {
        Replayer[] ways = MakeWays(withRandom: true, cancel);
        try
        {
            for (int i; (i = Interlocked.Increment(ref _nextPiece) - 1) < pieces.Length;)
            {
                cancel.ThrowIfCancellationRequested();
                foreach (Replayer way in ways) pieces[i].Results.Add(Replay(way, pieces[i]));
                progress?.Invoke(i + 1, pieces.Length);
            }
        }
        finally
        {
            foreach (Replayer way in ways) way.Dispose();
        }
    }

    private Replayer[] MakeWays(bool withRandom, CancellationToken cancel) =>
    [
        .. options.Via is ConformanceVia.Both or ConformanceVia.Kernel ? [new SequentialReplayer(options)] : Array.Empty<Replayer>(),
        .. options.Via is ConformanceVia.Both or ConformanceVia.Actors ? [new PriorityReplayer(options)] : Array.Empty<Replayer>(),
        .. withRandom && options.Seeds > 0 && options.Via != ConformanceVia.Kernel
            ? [new RandomReplayer(options, cancel)] : Array.Empty<Replayer>(),
    ];

    private static WayResult Replay(Replayer way, Piece piece)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Differ differ = new(piece.File.Name);
        if (piece.File.Trace is { } trace) Count(() => way.Replay(trace, differ));
        foreach (MatrixRow row in piece.Rows) Count(() => way.Replay(row, differ));
        return new WayResult(way.Name, differ.Fields, differ.Mismatches, clock.Elapsed.TotalSeconds);

        void Count(Action replay)
        {
            long before = differ.Fields;
            replay();
            if (differ.Fields > before) piece.Compared++;
        }
    }

    private static FileResult ResultOf(RecordedFile file, Piece[] pieces)
    {
        WayResult[] ways =
        [
            .. pieces.Where(p => p.File == file).SelectMany(p => p.Results).GroupBy(r => r.Way).Select(
                g => new WayResult(g.Key, g.Sum(r => r.Fields), [.. g.SelectMany(r => r.Mismatches)], g.Sum(r => r.Seconds))),
        ];
        return new FileResult(file.Name, file.Rows.Count, file.Steps, ways);
    }

    private List<SpeedResult> MeasureSpeed(int passes, CancellationToken cancel)
    {
        Trace[] traces = [.. files.Select(f => f.Trace).OfType<Trace>()];
        long steps = traces.Sum(t => t.Steps.Count);
        List<SpeedResult> speeds = [];
        foreach (Replayer way in MakeWays(withRandom: false, cancel))
        {
            using Replayer disposed = way;
            Stopwatch clock = new();
            for (int pass = 0; pass < passes; pass++)
            {
                if (pass == WarmUpPasses) clock.Restart();
                foreach (Trace trace in traces)
                {
                    cancel.ThrowIfCancellationRequested();
                    way.Replay(trace, new Differ(trace.Name));
                }
            }

            int counted = passes - WarmUpPasses;
            speeds.Add(new SpeedResult(way.Name, counted, steps * counted / clock.Elapsed.TotalSeconds));
        }

        return speeds;
    }

    /// <summary>Dedicated threads, since a stepped system must be used by the thread that made it.</summary>
    private static void OnThreads(int count, Action body)
    {
        Exception?[] failures = new Exception?[count];
        Thread[] threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception e)
            {
                failures[i] = e;
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failures.FirstOrDefault(f => f is not null) is { } failure)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    private sealed record Piece(RecordedFile File, IReadOnlyList<MatrixRow> Rows)
    {
        public List<WayResult> Results { get; } = [];

        /// <summary>A trace, or its rows.</summary>
        public int Units => File.Trace is null ? Rows.Count : 1;

        /// <summary>Units of which fields were compared, over all ways.</summary>
        public int Compared { get; set; }
    }
}
