using Akka.Actor;
using UffdActors.Explore.Faults;

namespace UffdActors.Explore.Scenes;

/// <summary>An answer on the wire.</summary>
internal sealed record WireAnswer(PageOrder Order, IPageReceiver Receiver, PageContent Content, bool Fails)
    : INoSerializationVerificationNeeded
{
    private const long NoOrder = -7;

    /// <summary>The injected error; null if the answer is right.</summary>
    public FaultPoint? Wrong { get; init; }

    /// <summary>Gives the answer to the receiver.</summary>
    /// <param name="inPieces">Page by page, not all at once.</param>
    public void Deliver(bool inPieces)
    {
        if (Fails)
        {
            Receiver.Failed(Order.Id, new IOException("the answer was lost"));
            return;
        }

        switch (Wrong)
        {
            case FaultPoint.SourceOtherPage:
                Receiver.Received(Order.Id, Order.FirstPage + Order.Pages, 1, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceUnknownOrder:
                Receiver.Received(NoOrder, Order.FirstPage, Order.Pages, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceNoPages:
                Receiver.Received(Order.Id, Order.FirstPage, -1, SourceContent.Zero, 0);
                return;
            case FaultPoint.SourceNoReason:
                Receiver.Failed(Order.Id, null!);
                return;
        }

        int pages = 0;
        for (int i = 0; i < Order.Pages; i += pages)
        {
            (SourceContent kind, nint address) = AnswerFor(i);
            pages = 1;
            // Consecutive pages of the same kind are one piece.
            while (!inPieces && i + pages < Order.Pages && AnswerFor(i + pages).Content == kind) pages++;
            Receiver.Received(Order.Id, Order.FirstPage + i, pages, kind, address);
        }
    }

    private (SourceContent Content, nint Address) AnswerFor(int page) => Content.Answer(Order.Region, Order.FirstPage + page);
}
