namespace UffdActors.Kvm.Tests;

/// <summary>The page source of src/UffdActors.Kvm/README.md, line by line.</summary>
internal sealed class BytesSource(byte[] bytes) : IPageSource
{
    public long Pages => bytes.Length / 4096;

    public bool AnswersAtOnce => true;

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        int length = order.Pages * 4096;
        bytes.AsSpan((int)order.FirstPage * 4096, length).CopyTo(order.Room(order.FirstPage, order.Pages));
        receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, order.Buffer);
    }

    public void Dispose()
    {
    }
}
