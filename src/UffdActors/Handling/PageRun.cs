using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>Pages of a region that follow one another and have one kind of content.</summary>
/// <param name="FirstPage">First page of the region.</param>
/// <param name="Pages">Base pages.</param>
/// <param name="Content">What they hold.</param>
/// <param name="Data">Where the bytes of the first page are, or the stamp of all; of zeros it says nothing.</param>
internal readonly record struct PageRun(long FirstPage, int Pages, SourceContent Content, nint Data)
{
    /// <summary>The same as an ioctl takes it.</summary>
    public FillSource Source => Content switch
    {
        SourceContent.Zero => FillSource.Zero,
        SourceContent.Stamp => FillSource.Stamp((uint)Data),
        _ => FillSource.Buffer(Data),
    };

    /// <summary>What is left behind the first of them.</summary>
    /// <param name="pages">Base pages to leave out.</param>
    public PageRun Behind(int pages) => new(
        FirstPage + pages, Pages - pages, Content, Content == SourceContent.Bytes ? Data + (pages << PageSize.BaseShift) : Data);
}
