using System.Net.Sockets;
using System.Text;
using CsCheck;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>First messages that nobody would write, in any pieces and with any number of descriptors.</summary>
[Collection(ServeCollection.Name)]
public sealed class FuzzTests : IDisposable
{
    private const string Layout =
        "[{\"base_host_virt_addr\":4096,\"size\":8192,\"offset\":0,\"page_size\":4096},{\"base_host_virt_addr\":65536,\"size\":4096,"
        + "\"offset\":8192}]";

    private static readonly string[] Words =
        ["[", "]", "{", "}", "\"", "\\", ",", ":", "1", "\"size\":", "\\ud800", "[{", "}]", "-", "1e9999", "\0"];

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"uffd-fuzz-{Environment.ProcessId}");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly FileStream _descriptor = File.OpenRead("/dev/null");

    public FuzzTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
    }

    // A good message with changes, or any bytes; in pieces; with descriptors beside some of them.
    private static readonly Gen<byte[]> Messages = Gen.OneOf(
        Gen.Byte.Array[0, 200],
        Changed(Encoding.UTF8.GetBytes(Layout)),
        Changed(FirstMessageTests.HandOff()),
        Gen.OneOf(Words.Select(Gen.Const).ToArray()).Array[0, 400].Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts))));

    private static readonly Gen<(int Bytes, int Descriptors)[]> Pieces =
        Gen.Select(
            Gen.Int[1, 120], Gen.Frequency((6, Gen.Const(0)), (3, Gen.Int[1, 3]), (1, Gen.Int[4, 60])), (b, d) => (b, d)).Array[1, 12];

    public void Dispose()
    {
        _listener.Dispose();
        _descriptor.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void No_message_is_anything_but_understood_unfinished_or_refused() => Messages.Sample(
        bytes =>
        {
            Serve.Dialects.FirstMessage first = new();
            try
            {
                for (int at = 0; at < bytes.Length; at++)
                {
                    first.Room[0] = bytes[at];
                    if (first.Add(1, 1) is not { } message) continue;
                    Assert.InRange(message.Regions.Count, 1, 1024);
                    Assert.All(message.Regions, r => Assert.True(r.Bytes > 0 && r.End > r.Address));
                    return;
                }
            }
            catch (HandOverException e)
            {
                Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(e.Message, char.IsControl);
                Assert.InRange(e.Message.Length, 1, 400);
            }
        },
        iter: 5_000);

    [SkippableFact]
    public void No_message_leaves_a_descriptor_open()
    {
        ThisKernel.Require();
        _ = ReceiveAsync([], []).GetAwaiter().GetResult();
        int before = Open();
        Gen.Select(Messages, Pieces).Sample(
            (bytes, pieces) =>
            {
                Exception thrown = ReceiveAsync(bytes, pieces).GetAwaiter().GetResult();
                Assert.IsType<HandOverException>(thrown);
            },
            iter: 300, threads: 1);
        // Sockets and their pidfds go with the objects; what came over them has to be gone as well.
        Assert.Equal(before, Open());
    }

    private static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Count(
        path => new FileInfo(path).LinkTarget is { } target
            && (target == "/dev/null" || target.Contains("pidfd", StringComparison.Ordinal)));

    // The descriptors are none of a userfaultfd, so nothing is ever accepted.
    private async Task<Exception> ReceiveAsync(byte[] bytes, (int Bytes, int Descriptors)[] pieces)
    {
        using Socket vmm = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        vmm.Connect(new UnixDomainSocketEndPoint(_path));
        Task<HandOver> received = HandOverReceiver.ReceiveAsync(await _listener.AcceptAsync(), new HandOverOptions());
        int number = (int)_descriptor.SafeFileHandle.DangerousGetHandle();
        int at = 0;
        foreach ((int length, int descriptors) in pieces.Append((int.MaxValue, 0)))
        {
            int end = (int)Math.Min(bytes.Length, (long)at + length);
            if (at == end) break;
            if (!SendDescriptors.Send(vmm, bytes.AsSpan(at, end - at), [.. Enumerable.Repeat(number, descriptors)])) break;
            at = end;
        }

        vmm.Close();
        return await Assert.ThrowsAnyAsync<Exception>(() => received.WaitAsync(ServeScene.Deadline));
    }

    private static Gen<byte[]> Changed(byte[] good) =>
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, (at, with) => (at, with)).Array[0, 3].Select(changes =>
        {
            byte[] message = [.. good];
            foreach ((int at, byte with) in changes) message[at] = with;
            return message;
        });
}
