using System.Globalization;
using System.IO.Compression;
using UffdActors.Model.Memory;
using UffdActors.Serve;

namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// A server whose snapshot comes out of a compressed store, as an embedder would write it: what a page costs is time on a CPU. A process of
/// its own, so that the CPUs that it is given can be counted.
/// </summary>
internal static class BackEndServer
{
    /// <summary>Bytes that are compressed as one: a chunk of the cache.</summary>
    public const int ChunkBytes = ContentCache.ChunkBytes;

    private const int ChunkPages = ChunkBytes / PageSize.Base;

    /// <summary>Serves until it is killed: <c>serve-back-end SOCKET BYTES</c>.</summary>
    public static async Task RunAsync(IReadOnlyList<string> arguments)
    {
        long chunks = long.Parse(arguments[2], CultureInfo.InvariantCulture) / ChunkBytes;
        using Store store = new(chunks);
        using ContentCache cache = new(ContentCache.MinBytes);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        using HandOverListener listener = HandOverListener.Open(arguments[1]);
        GuestServer server = new(runtime, listener, new GuestServerOptions
        {
            Session = new SessionOptions { MemoryPath = "store", BackEnd = store, Cache = cache },
        });
        Console.WriteLine("serving ");
        await server.RunAsync();
    }

    /// <summary>Chunks of a snapshot, each compressed by itself; all of it in memory.</summary>
    private sealed class Store : IPageSource
    {
        private readonly byte[][] _chunks;

        public Store(long chunks)
        {
            _chunks = new byte[chunks][];
            byte[] bytes = new byte[ChunkBytes];
            // Bytes that compress to about a half.
            Random random = new(1);
            for (int i = 0; i < bytes.Length; i++) bytes[i] = (byte)random.Next(16);
            for (long chunk = 0; chunk < chunks; chunk++)
            {
                for (int i = 0; i < ChunkPages; i++)
                {
                    ulong page = (ulong)((chunk * ChunkPages) + i);
                    _ = BitConverter.TryWriteBytes(bytes.AsSpan(i * PageSize.Base), 0x5eed000000000000UL ^ GoldenRatio.Hash(page));
                }

                using MemoryStream compressed = new();
                using (DeflateStream deflate = new(compressed, CompressionLevel.Fastest)) deflate.Write(bytes);
                _chunks[chunk] = compressed.ToArray();
            }
        }

        public long Pages => _chunks.Length * (long)ChunkPages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            // The cache asks for whole chunks.
            using MemoryStream compressed = new(_chunks[order.FirstPage / ChunkPages]);
            using DeflateStream inflate = new(compressed, CompressionMode.Decompress);
            inflate.ReadExactly(order.Room(order.FirstPage, order.Pages));
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, order.Buffer);
        }

        public void Dispose()
        {
        }
    }
}
