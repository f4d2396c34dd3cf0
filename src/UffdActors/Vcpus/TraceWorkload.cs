using System.Globalization;
using UffdActors.Model.Inputs;

namespace UffdActors;

/// <summary>
/// A recorded workload. Text, first line <c>uffd-workload 1</c>, then one access a line: time in microseconds, vCPU, page, <c>r</c> or
/// <c>w</c>, separated by blanks; <c>#</c> begins a comment. The model has no latency of its own, so accesses keep their order and lose
/// their times.
/// </summary>
public sealed class TraceWorkload : IWorkload
{
    /// <summary>Size that a trace may have, in bytes: some ten million accesses.</summary>
    public const long MaxBytes = 256L << 20;

    private const string Header = "uffd-workload 1";
    private readonly IReadOnlyList<GuestStep> _steps;
    private int _next;

    private TraceWorkload(IReadOnlyList<GuestStep> steps) => _steps = steps;

    /// <summary>Accesses of the vCPU.</summary>
    public int Accesses => _steps.Count;

    /// <summary>Reads the workloads of all vCPUs.</summary>
    /// <param name="path">File.</param>
    /// <param name="vcpus">vCPUs that the run has; an access of another one is an error.</param>
    /// <param name="pages">Pages that the guest has; an access of another one is an error.</param>
    /// <exception cref="InputFileException">The file cannot be read, or a line is not what the format says.</exception>
    public static IReadOnlyList<TraceWorkload> Read(string path, int vcpus, long pages)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Parse(path, vcpus, pages);
        }
        catch (InputFileException e)
        {
            throw new InputFileException($"Trace \"{path}\" cannot be read: {e.Message}", e);
        }
    }

    private static TraceWorkload[] Parse(string path, int vcpus, long pages)
    {
        List<GuestStep>[] steps = [.. Enumerable.Range(0, vcpus).Select(_ => new List<GuestStep>())];
        int number = 0;
        foreach (string line in InputFile.ReadLines(path, MaxBytes))
        {
            number++;
            if (number == 1)
            {
                if (line.Trim() != Header) throw Bad(path, 1, $"the first line must be \"{Header}\"");
                continue;
            }

            string text = line.Split('#')[0].Trim();
            if (text.Length == 0) continue;
            string[] fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length != 4) throw Bad(path, number, "a line has four fields: time, vCPU, page, r or w");
            if (!ulong.TryParse(fields[0], CultureInfo.InvariantCulture, out _))
                throw Bad(path, number, $"\"{fields[0]}\" is not a time in microseconds");
            if (!int.TryParse(fields[1], CultureInfo.InvariantCulture, out int vcpu) || vcpu < 0 || vcpu >= vcpus)
                throw Bad(path, number, $"vCPU \"{fields[1]}\" is not one of the {vcpus} that run");
            if (!long.TryParse(fields[2], CultureInfo.InvariantCulture, out long page) || page < 0 || page >= pages)
                throw Bad(path, number, $"page \"{fields[2]}\" is not one of the guest's {pages}");
            if (fields[3] is not ("r" or "w")) throw Bad(path, number, $"\"{fields[3]}\" is neither r nor w");
            steps[vcpu].Add(new GuestStep(0, page, fields[3] == "w"));
        }

        if (number == 0) throw Bad(path, 1, $"the file is empty; the first line must be \"{Header}\"");
        return [.. steps.Select(s => new TraceWorkload(s))];
    }

    /// <inheritdoc />
    public void Reset() => _next = 0;

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        bool more = _next < _steps.Count;
        step = more ? _steps[_next] : default;
        _next++;
        return more;
    }

    private static InputFileException Bad(string path, int line, string problem) => new($"{path}:{line}: {problem}");
}
