using System.Globalization;

namespace UffdActors.Watchdog;

/// <summary>What a thread of another process is doing, as <c>/proc</c> shows it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name, 15 bytes at most.</param>
/// <param name="State">State letter of <c>stat</c>: R runs, S sleeps, D cannot be interrupted, T is stopped.</param>
/// <param name="WaitsIn">The kernel's function that it sleeps in; empty if it runs, "0" if the kernel does not show it.</param>
internal sealed record KernelTask(int Id, string Name, char State, string WaitsIn)
{
    /// <summary>True if it waits for a page.</summary>
    public bool WaitsForPage => WaitsIn.Contains("userfault", StringComparison.Ordinal);

    /// <summary>The threads of a process; none if it is gone.</summary>
    public static IReadOnlyList<KernelTask> Of(int process)
    {
        List<KernelTask> threads = [];
        try
        {
            foreach (string task in Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task")))
            {
                if (TryRead(task) is { } thread) threads.Add(thread);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // The thread has ended.
        }

        return threads;
    }

    /// <summary>True if a process has been stopped (SIGSTOP).</summary>
    public static bool IsStopped(int process) =>
        TryRead(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task/{process}")) is { State: 'T' };

    /// <summary>In a few words: threads that wait for a page one by one, the others counted.</summary>
    public static string Describe(IReadOnlyList<KernelTask> threads)
    {
        IEnumerable<string> waiting = threads.Where(t => t.WaitsForPage).Select(t => t.ToString());
        IEnumerable<string> others = threads.Where(t => !t.WaitsForPage)
            .GroupBy(t => $"{t.State} {t.WaitsIn}".Trim())
            .OrderByDescending(g => g.Count())
            .Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Count()} in {g.Key}"));
        return string.Join(", ", waiting.Concat(others));
    }

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id} {Name} {State} {WaitsIn}").Trim();

    private static KernelTask? TryRead(string task)
    {
        try
        {
            string stat = File.ReadAllText(Path.Combine(task, "stat"));
            return new KernelTask(
                int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture),
                File.ReadAllText(Path.Combine(task, "comm")).Trim(),
                stat[stat.LastIndexOf(')') + 2],
                Wchan(task));
        }
        catch (IOException)
        {
            // The thread has ended meanwhile.
            return null;
        }
    }

    private static string Wchan(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "wchan")).Trim();
        }
        catch (UnauthorizedAccessException)
        {
            return "0";
        }
    }
}
