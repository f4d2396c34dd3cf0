using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>An order that the source has not answered in full.</summary>
internal sealed class OpenOrder
{
    /// <summary>Number of the order: each has another one.</summary>
    public long Id { get; private set; }

    /// <summary>The asker that waits for it; null if none does any more.</summary>
    public IPageAsker? Asker { get; set; }

    /// <summary>The pages, and the buffer that came with it.</summary>
    public OrderRange Range { get; private set; }

    /// <summary>Time of the last answer that made sense; of the order itself before.</summary>
    public long HeardAt { get; set; }

    /// <summary>What was wrong with the latest answer; null if nothing was.</summary>
    public WrongAnswerException? Wrong { get; set; }

    /// <summary>Its buffer, if the asker has got another one.</summary>
    public NativeBuffer? Lent { get; set; }

    /// <summary>Pages about which the source has said nothing.</summary>
    public long Left { get; set; }

    /// <summary>The source has said that it is done with it.</summary>
    public bool IsClosed { get; set; }

    /// <summary>The same pages' order before it.</summary>
    public OpenOrder? Earlier { get; private set; }

    /// <summary>And behind it.</summary>
    public OpenOrder? Later { get; private set; }

    /// <summary>How often these pages have been asked for, this time included.</summary>
    public int Number { get; private set; }

    /// <summary>It is given to the source.</summary>
    public void Begin(long id, IPageAsker asker, in OrderRange range, long now, OpenOrder? earlier)
    {
        (Id, Asker, Range, HeardAt, Wrong, Lent, IsClosed, Earlier, Later) = (id, asker, range, now, null, null, false, earlier, null);
        Left = range.Pages;
        Number = (earlier?.Number ?? 0) + 1;
        if (earlier is not null) earlier.Later = this;
    }

    /// <summary>The asker goes on with another buffer: the source may still write to this one, until it has closed the order.</summary>
    /// <param name="isAnswered">Everything is there already, and nothing is asked for again.</param>
    public void Lend(bool isAnswered = false) => Lent = Asker!.LendBuffer(isAnswered);
}
