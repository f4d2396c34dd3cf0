using System.Collections;
using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>A chunk that the background push asks for; answered piece by piece, and told back when it is complete.</summary>
internal sealed class PushOrder(IActorRef asker, int region, NativeBuffer buffer) : IPageAsker
{
    // Of the pages asked for, those that have come.
    private readonly BitArray _come = new(checked((int)(buffer.Bytes >> PageSize.BaseShift)));

    // What pieces lie in, until the next chunk is asked for.
    private readonly List<NativeBuffer> _lent = [];
    private int _missing;

    /// <summary>Region.</summary>
    public int Region { get; } = region;

    /// <summary>Pages that fit into its buffer.</summary>
    public int MostPages => _come.Length;

    /// <summary>First page.</summary>
    public long FirstPage { get; private set; }

    /// <summary>Pages.</summary>
    public int Pages { get; private set; }

    /// <summary>Native memory for the bytes; freed with the last reference to it, the source's included.</summary>
    public NativeBuffer Buffer { get; private set; } = buffer;

    /// <inheritdoc />
    public int? Missing => _missing;

    /// <inheritdoc />
    public Urgency Urgency => Urgency.Push;

    /// <inheritdoc />
    public OrderRange Wanted => new(Region, FirstPage, Pages, Buffer.Address);

    /// <summary>The answer, in pieces of equal content.</summary>
    public List<PageRun> Pieces { get; } = [];

    /// <summary>Why the source could not answer.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>It is about other pages now.</summary>
    public void Begin(long firstPage, int pages)
    {
        FirstPage = firstPage;
        Pages = pages;
        Pieces.Clear();
        Failure = null;
        _lent.Clear();
        _come.SetAll(false);
        _missing = pages;
    }

    /// <inheritdoc />
    public void Answered(Exception? failure)
    {
        Failure = failure;
        asker.Tell(this, ActorRefs.NoSender);
    }

    /// <inheritdoc />
    public NativeBuffer LendBuffer(bool isAnswered = false)
    {
        NativeBuffer lent = Buffer;
        _lent.Add(lent);
        Buffer = new NativeBuffer(lent.Bytes);
        return lent;
    }

    /// <inheritdoc />
    public bool TakeAnswer(long firstPage, int pages, SourceContent content, nint address)
    {
        // What lies before and behind was not asked for; an answer may be about very many pages.
        long before = Math.Max(0, FirstPage - firstPage);
        long end = Math.Min(pages, FirstPage + Pages - firstPage);
        // Page by page what is asked for and has not come yet, in pieces that are as long as they can be.
        for (long i = before; i < end;)
        {
            int run = 0;
            while (i + run < end && TakeMissing(firstPage + i + run)) run++;
            if (run > 0)
                Pieces.Add(
                    new PageRun(
                        firstPage + i, run, content, content == SourceContent.Bytes ? address + ((nint)i << PageSize.BaseShift) : address));
            i += Math.Max(run, 1);
        }

        return _missing == 0;
    }

    private bool TakeMissing(long page)
    {
        long at = page - FirstPage;
        if (at < 0 || at >= Pages || _come[(int)at]) return false;
        _come[(int)at] = true;
        _missing--;
        return true;
    }
}
