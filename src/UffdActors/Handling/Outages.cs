namespace UffdActors.Handling;

/// <summary>
/// The troubles of one context that pages wait out: fills, crashes, and each page source. Shared by its handlers and pushes. Any thread.
/// </summary>
internal sealed class Outages
{
    private readonly Dictionary<IPageSource, SourceWatch> _sources = new(ReferenceEqualityComparer.Instance);
    private readonly SourceTerms _terms;

    /// <param name="terms">What is asked of sources.</param>
    public Outages(SourceTerms terms)
    {
        _terms = terms;
        Fills = new Outage(OutageCause.Fill, "", terms.Patience, terms.Incidents);
        Unnamed = new Outage(OutageCause.Source, "The page source", terms.Patience, terms.Incidents);
        Crashes = new Outage(OutageCause.Crash, "", terms.Patience, terms.Incidents) { Threshold = 1 };
    }

    /// <summary>Pages whose fills do not take effect.</summary>
    public Outage Fills { get; }

    /// <summary>Pages on which handlers crash.</summary>
    public Outage Crashes { get; }

    /// <summary>What is known of a page source; the same for all that ask it.</summary>
    public SourceWatch Of(IPageSource source)
    {
        lock (_sources)
        {
            if (_sources.TryGetValue(source, out SourceWatch? watch)) return watch;
            _sources.Add(source, watch = new SourceWatch(source, _terms));
            return watch;
        }
    }

    /// <summary>A page source of which nothing is known.</summary>
    public Outage Unnamed { get; }

    /// <summary>A page's request is lost: if its threads still need it, they fault again.</summary>
    public void Forget(Waiter waiter, long now)
    {
        Fills.Forget(waiter, now);
        lock (_sources)
        {
            foreach (SourceWatch watch in _sources.Values) watch.Outage.Forget(waiter, now);
        }
    }

    /// <summary>All waiters are tried again at once.</summary>
    public void Recover(long now)
    {
        Fills.Recover(now);
        Crashes.Recover(now);
        Unnamed.Recover(now);
        lock (_sources)
        {
            foreach (SourceWatch watch in _sources.Values) watch.Outage.Recover(now);
        }
    }
}
