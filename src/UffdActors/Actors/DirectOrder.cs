using UffdActors.Handling;

namespace UffdActors.Actors;

/// <summary>
/// Asks a page source in the handler's own turn for what it answers at once: one order at a time, of which nothing is left when it is over.
/// </summary>
/// <param name="slot">The handler.</param>
/// <param name="source">The source.</param>
/// <param name="watch">What is known of it.</param>
internal sealed class DirectOrder(HandlerSlot slot, IPageSource source, SourceWatch watch) : IPageReceiver
{
    private PageRequest? _asking;
    private WrongAnswerException? _wrong;
    private bool _answered;

    /// <summary>Asks for the page of a request; the answer, or why there is none, is in the request then.</summary>
    public void Ask(PageRequest request) => _ = TryAsk(request, isCertain: true);

    /// <summary>The same of a source that need not answer at once.</summary>
    /// <returns>False if it has no answer at hand, and is to be given an order.</returns>
    public bool TryAsk(PageRequest request) => TryAsk(request, isCertain: false);

    private bool TryAsk(PageRequest request, bool isCertain)
    {
        _asking = request;
        _answered = false;
        _wrong = null;
        bool isAnswer = true;
        slot.Call.Begin(watch.RequestName);
        try
        {
            PageOrder order = new(
                request.Id, request.Region.Id, request.Page, request.Pages, Urgency.Demand, request.BufferAddress,
                CancellationToken.None);
            if (isCertain) source.Request(order, this);
            else isAnswer = source.TryAnswer(order, this);
            if (isAnswer && !_answered) request.Failure = _wrong ?? watch.Refuse(WrongAnswer.TooShort, SourceWatch.TooShort(request.Range));
        }
        catch (Exception e)
        {
            // A source that throws has failed this order and no other.
            request.Failure = e;
        }

        slot.Call.End();
        _asking = null;
        return isAnswer;
    }

    /// <inheritdoc />
    public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
    {
        if (_answered || _asking is not { } request) return;
        if (request.Id != id) OnOtherOrder(request, id);
        else if (watch.Check(request.Range, firstPage, pages, content, address) is { } wrong) _wrong = wrong;
        else _answered = request.TakeAnswer(firstPage, pages, content, address); // Only the first answer that has the page counts.
    }

    /// <inheritdoc />
    public void Failed(long id, Exception reason)
    {
        if (_answered || _asking is not { } request) return;
        if (request.Id != id)
        {
            OnOtherOrder(request, id);
            return;
        }

        _answered = true;
        request.Failure =
            reason ?? (Exception)watch.Refuse(WrongAnswer.NoReason, $"reported a failure of {request.Range} without a reason");
    }

    // Smaller ones are over, or another handler's.
    private void OnOtherOrder(PageRequest request, long id)
    {
        if (id < 0 || id > request.Id)
            _wrong = watch.Refuse(
                WrongAnswer.UnknownOrder, $"answered order {id} when it was asked for {request.Range}, which is order {request.Id}");
    }
}
