using System.Collections;
using Akka.Actor;
using UffdActors.Model.Memory;
using UffdActors.PageSources;

namespace UffdActors.Actors;

/// <summary>A chunk that the background push asks for; answered piece by piece, and told back when it is complete.</summary>
internal sealed class PushOrder(IActorRef asker, int region, NativeBuffer buffer)
{
    // Of the pages asked for, those that have come.
    private readonly BitArray _come = new(checked((int)(buffer.Bytes >> PageSize.BaseShift)));

    // What pieces lie in, until the next chunk is asked for.
    private readonly List<NativeBuffer> _lent = [];

    /// <summary>Who asks.</summary>
    public IActorRef Asker { get; } = asker;

    /// <summary>Region.</summary>
    public int Region { get; } = region;

    /// <summary>First page.</summary>
    public long FirstPage { get; private set; }

    /// <summary>Pages.</summary>
    public int Pages { get; private set; }

    /// <summary>Native memory for the bytes; goes with the last who knows of it, the source among them.</summary>
    public NativeBuffer Buffer { get; private set; } = buffer;

    /// <summary>Pages that have not come.</summary>
    public int Missing { get; private set; }

    /// <summary>The answer, in pieces of equal content.</summary>
    public List<PushPiece> Pieces { get; } = [];

    /// <summary>Why the source could not answer.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>True once every page has been answered, or the order has failed.</summary>
    public bool IsAnswered => Failure is not null || Missing == 0;

    public void Begin(long firstPage, int pages)
    {
        FirstPage = firstPage;
        Pages = pages;
        Pieces.Clear();
        Failure = null;
        _lent.Clear();
        _come.SetAll(false);
        Missing = pages;
    }

    /// <summary>The source has failed the order.</summary>
    public void Fail(Exception failure) => Failure = failure;

    /// <summary>The source may still write to the buffer: what follows goes on with another one.</summary>
    /// <returns>The buffer that stays the source's.</returns>
    public NativeBuffer LendBuffer()
    {
        NativeBuffer lent = Buffer;
        _lent.Add(lent);
        Buffer = new NativeBuffer(lent.Bytes);
        return lent;
    }

    public void Add(long firstPage, int pages, SourceContent content, nint address)
    {
        // What lies before and behind is nobody's; an answer may be about very many pages.
        long before = Math.Max(0, FirstPage - firstPage);
        long end = Math.Min(pages, FirstPage + Pages - firstPage);
        // Page by page what is asked for and has not come yet, in pieces that are as long as they can be.
        for (long i = before; i < end;)
        {
            int run = 0;
            while (i + run < end && TakeMissing(firstPage + i + run)) run++;
            if (run > 0)
                Pieces.Add(
                    new PushPiece(
                        firstPage + i, run, content, content == SourceContent.Bytes ? address + ((nint)i << PageSize.BaseShift) : address));
            i += Math.Max(run, 1);
        }
    }

    private bool TakeMissing(long page)
    {
        long at = page - FirstPage;
        if (at < 0 || at >= Pages || _come[(int)at]) return false;
        _come[(int)at] = true;
        Missing--;
        return true;
    }
}

/// <summary>Pages of a chunk with the same kind of content.</summary>
internal readonly record struct PushPiece(long FirstPage, int Pages, SourceContent Content, nint Address);
