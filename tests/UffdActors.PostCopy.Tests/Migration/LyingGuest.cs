namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>A guest whose source finds another hash than the memory has: one bit of it is turned.</summary>
internal sealed class LyingGuest(ISourceGuest guest) : ISourceGuest
{
    public Task<ReadOnlyMemory<byte>> StopAsync(CancellationToken cancel) => guest.StopAsync(cancel);

    public Task ResumeAsync(CancellationToken cancel) => guest.ResumeAsync(cancel);

    public async Task<byte[]> HashAtEndAsync(ReadOnlyMemory<byte> endState, CancellationToken cancel)
    {
        byte[] hash = await guest.HashAtEndAsync(endState, cancel);
        hash[7] ^= 16;
        return hash;
    }
}
