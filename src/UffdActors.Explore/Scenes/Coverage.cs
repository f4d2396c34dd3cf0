using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Scenes;

/// <summary>Counts which messages met pages in which state. In the hot loop of exploration: an array and an increment.</summary>
internal sealed class Coverage
{
    /// <summary>Entry kinds, and one for messages that are about no page.</summary>
    public const int States = 7;

    private const int MostMessages = 64;

    private readonly long[] _counts = new long[MostMessages * States];

    /// <summary>A message was handled.</summary>
    public void Reached(int message, EntryKind? state)
    {
        if (message < MostMessages) _counts[(message * States) + (state is { } kind ? (int)kind : States - 1)]++;
    }

    /// <summary>How often a message met a state.</summary>
    public long Of(int message, int state) => message < MostMessages ? _counts[(message * States) + state] : 0;
}
