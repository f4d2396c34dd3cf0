using UffdActors.Model.Memory;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Sessions;

/// <summary>Where the pages of a session come from.</summary>
internal static class SessionContent
{
    /// <summary>
    /// Opens what the options name: the files of a snapshot or a back end, through the cache if there is one, under the overlay.
    /// </summary>
    /// <exception cref="ServeException">It cannot be served.</exception>
    public static IContent Open(SessionOptions options)
    {
        IContent content = SharedOf(options);
        if (options.Overlay.Count == 0) return content;
        try
        {
            return new OverlaidContent(content, new Overlay(options.Overlay, content.Pages));
        }
        catch
        {
            content.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a layout that reaches behind the end of the content.</summary>
    /// <exception cref="HandOverException">It does.</exception>
    public static void ThrowIfShort(HandOverMessage message, IContent content, string name)
    {
        for (int i = 0; i < message.Regions.Count; i++)
        {
            HandedRegion region = message.Regions[i];
            if (region.FileOffset + region.Bytes > content.Pages << PageSize.BaseShift)
                throw new HandOverException(
                    $"Region {i} of the layout reaches to byte {region.FileOffset + region.Bytes} of memory file \"{name}\", "
                        + $"which has {content.Pages << PageSize.BaseShift}: it is the file of another guest, or cut.");
        }
    }

    private static IContent SharedOf(SessionOptions options)
    {
        if (options.BackEnd is { } backEnd)
        {
            ContentCache needed = options.Cache
                ?? throw new ServeException($"Snapshot \"{options.MemoryPath}\" has a back end and no cache to be fetched to; set one.");
            return needed.Open("back end " + options.MemoryPath, new BackEndContent(backEnd));
        }

        MemoryLayers files = MemoryLayers.Open(options.MemoryPath, options.Diffs);
        FileContent content = new(files, options.HoldBack);
        return options.Cache?.Open(files.Key, content) ?? content;
    }
}
