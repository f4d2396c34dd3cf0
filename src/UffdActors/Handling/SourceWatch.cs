using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// What a context knows of one page source: its outage, and what was wrong with its answers. A wrong answer is refused and reported, once
/// for each kind and then at every hundredfold. Right are answers that are short, late, out of order, repeated, or to orders that are over.
/// </summary>
/// <remarks>Any thread. An answer into the order's own buffer costs three comparisons.</remarks>
internal sealed class SourceWatch
{
    private const long HowManyMore = 100;

    private readonly SourceTerms _terms;
    private readonly long[] _counts = new long[Enum.GetValues<WrongAnswer>().Length];

    public SourceWatch(IPageSource source, SourceTerms terms)
    {
        _terms = terms;
        Source = source;
        AnswersAtOnce = source.AnswersAtOnce;
        Name = NameOf(source);
        RequestName = $"Request of {LowerFirst(Name)}";
        Outage = new Outage(OutageCause.Source, Name, terms.Patience, terms.Incidents);
    }

    /// <summary>The source.</summary>
    public IPageSource Source { get; }

    /// <summary>
    /// What it has said of itself when it was named: a stranger's code, which may throw or say another thing in a turn of the ring.
    /// </summary>
    public bool AnswersAtOnce { get; }

    /// <summary>What it is called in reports.</summary>
    public string Name { get; }

    /// <summary>What its <see cref="IPageSource.Request"/> is called in reports.</summary>
    public string RequestName { get; }

    /// <summary>Notices a call that does not return; null without that watch.</summary>
    public ForeignCalls? Calls => _terms.Calls;

    /// <summary>Its outage.</summary>
    public Outage Outage { get; }

    /// <summary>After which time an order that was not answered in full is given again; null for never.</summary>
    public TimeSpan? AsksAgainAfter =>
        _terms.AsksAgain && !_terms.Patience.IsEndless && _terms.Patience.Limit > TimeSpan.Zero ? _terms.Patience.Limit : null;

    /// <summary>Checks an answer to an order that is open; a wrong one is reported.</summary>
    /// <param name="order">The order.</param>
    /// <param name="firstPage">First page of the answer.</param>
    /// <param name="pages">Pages of the answer.</param>
    /// <param name="content">Content of the answer.</param>
    /// <param name="address">Where its bytes are.</param>
    /// <returns>What is wrong with it; null if nothing is.</returns>
    public WrongAnswerException? Check(in OrderRange order, long firstPage, int pages, SourceContent content, nint address)
    {
        if (pages < 1) return Refuse(WrongAnswer.NoPages, $"answered {order} with {pages} pages");
        long from = Math.Max(firstPage, order.FirstPage);
        // Without overflow, whatever the source says.
        long to = firstPage > order.End - pages ? order.End : firstPage + pages;
        if (from >= to)
            return Refuse(
                WrongAnswer.OtherPages, $"answered {order} with page {firstPage}{(pages > 1 ? $" and the {pages - 1} behind it" : "")}");
        if (content == SourceContent.Bytes)
        {
            if (!_terms.TakesBytes)
                return Refuse(WrongAnswer.UnknownContent, $"answered {order} with bytes, and this memory has stamps only");
            nint first = address + (nint)((from - firstPage) << PageSize.BaseShift);
            long bytes = (to - from) << PageSize.BaseShift;
            if (_terms.Memory is null || order.HoldsInBuffer(first, bytes)) return null;
            // RING L6: the thread that fills would fault there, and wait for itself.
            if (_terms.MayFault?.Invoke(PagesOf(first, bytes)) == true)
                return Refuse(
                    WrongAnswer.Unreadable,
                    $"answered {order} with {bytes} bytes at 0x{first:x}, in memory whose own pages are waited for here; copy them out");
            if (_terms.Memory.IsReadable(first, bytes)) return null;
            return Refuse(WrongAnswer.Unreadable, $"answered {order} with {bytes} bytes at 0x{first:x}, which cannot be read");
        }

        if (content == SourceContent.Zero || (content == SourceContent.Stamp && _terms.TakesStamps)) return null;
        return Refuse(WrongAnswer.UnknownContent, content == SourceContent.Stamp
            ? $"answered {order} with a stamp, and this memory has bytes only"
            : $"answered {order} with content {(int)content}, which is none");
    }

    private static PageRange PagesOf(nint first, long bytes)
    {
        ulong start = (ulong)first;
        ulong end = start > ulong.MaxValue - (ulong)bytes ? ulong.MaxValue : start + (ulong)bytes;
        return new PageRange(PageSize.PageOf(start), PageSize.PageOf(end - 1) + 1);
    }

    /// <summary>What is wrong with a source that says too little.</summary>
    public static string TooShort(in OrderRange order) => $"says that it answers at once, and did not answer {order} in full";

    /// <summary>What is wrong with a source that does not answer, or not in full.</summary>
    /// <param name="order">The order.</param>
    /// <param name="wait">For how long.</param>
    /// <param name="missing">Pages of which nothing was said, if that is known.</param>
    public static string Silence(in OrderRange order, TimeSpan wait, int? missing)
    {
        string what = missing < order.Pages ? $" ({missing} pages of it are missing)" : "";
        return FormattableString.Invariant($"has not answered {order} in full for {wait.TotalSeconds:0.0##} s{what}; it is given again");
    }

    /// <summary>Reports a wrong answer.</summary>
    /// <param name="kind">In which way it is wrong.</param>
    /// <param name="what">What the source has done; part of a sentence.</param>
    /// <param name="isRefused">False if there was no answer to refuse.</param>
    public WrongAnswerException Refuse(WrongAnswer kind, string what, bool isRefused = true)
    {
        long count = Interlocked.Increment(ref _counts[(int)kind]);
        if (IsWorthReporting(count))
        {
            string much = count == 1 ? "" : $" (the {count}th answer of this kind)";
            _terms.Incidents?.Report(
                new Incident(
                    IncidentKind.WrongAnswer,
                    $"{Name} {what}{much}{(isRefused ? "; the answer was refused" : "")}. Correct the page source."));
        }

        return new WrongAnswerException($"it {what}");
    }

    /// <summary>A fill says that the source's memory cannot be read, although it could be when the answer was checked.</summary>
    /// <returns>Null if it can be read all the same.</returns>
    public WrongAnswerException? CheckAgain(nint address, long bytes)
    {
        if (_terms.Memory is not { } memory) return null;
        memory.Forget();
        return memory.IsReadable(address, bytes)
            ? null
            : Refuse(WrongAnswer.Unreadable, $"named {bytes} bytes at 0x{address:x}, which cannot be read any more");
    }

    private static bool IsWorthReporting(long count)
    {
        while (count % HowManyMore == 0) count /= HowManyMore;
        return count == 1;
    }

    private static string LowerFirst(string text) => char.ToLowerInvariant(text[0]) + text[1..];

    // A source's own name for itself is a stranger's code.
    private static string NameOf(IPageSource source)
    {
        string type = source.GetType().FullName ?? source.GetType().Name;
        try
        {
            return source.ToString() is { Length: > 0 } text && text != type
                ? $"Page source {text} ({source.GetType().Name})"
                : $"Page source {source.GetType().Name}";
        }
        catch (Exception)
        {
            return $"Page source {source.GetType().Name}";
        }
    }
}
