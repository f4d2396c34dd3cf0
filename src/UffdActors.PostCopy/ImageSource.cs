namespace UffdActors.PostCopy;

/// <summary>
/// The source host of a migration within one process: answers at once, with its own memory, and says which pages are zeros.
/// </summary>
public sealed class ImageSource : IPageSource
{
    private readonly GuestImage _image;

    /// <summary>Makes a source; the image stays the caller's.</summary>
    public ImageSource(GuestImage image) => _image = image ?? throw new ArgumentNullException(nameof(image));

    /// <inheritdoc />
    public long Pages => _image.Pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => true;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        try
        {
            Answer(order, receiver);
        }
        catch (ImageException e)
        {
            receiver.Failed(order.Id, new PageLostException(e.Message.TrimEnd('.')));
        }
    }

    private void Answer(in PageOrder order, IPageReceiver receiver)
    {
        long end = order.FirstPage + order.Pages;
        for (long page = order.FirstPage; page < end;)
        {
            bool zero = _image.IsZero(page);
            int run = 1;
            while (page + run < end && _image.IsZero(page + run) == zero) run++;
            receiver.Received(order.Id, page, run, zero ? SourceContent.Zero : SourceContent.Bytes, zero ? 0 : _image.AddressOf(page));
            page += run;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
