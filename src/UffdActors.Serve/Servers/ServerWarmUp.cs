using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;
using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Servers;

/// <summary>
/// Serves a guest of two pages, of this process itself, from its hand-over to its release, so that the first guest of others does not wait
/// until the code is compiled: that is a thousand methods.
/// </summary>
internal static class ServerWarmUp
{
    private const int Pages = 2;
    private const int Guests = 2;
    private const string Name = "uffd-warm-up";

    /// <summary>Serves it.</summary>
    /// <param name="runtime">A runtime of the live world.</param>
    /// <param name="hasCache">Content comes through a cache.</param>
    /// <param name="state">Folder for what is kept of it meanwhile, made and deleted; null if guests are not kept.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="ServeException">It is not served.</exception>
    /// <exception cref="UffdException">This machine does not let this process serve faults.</exception>
    public static async Task RunAsync(UffdRuntime runtime, bool hasCache, string? state, CancellationToken cancel)
    {
        using MemoryObject memory = MemoryFile();
        string path = $"/proc/self/fd/{memory.Handle.Number}";
        using ContentCache? cache = hasCache ? new ContentCache(ContentCache.MinBytes) : null;
        using ServiceManager manager = ServiceManager.None();
        using StateFolder? folder = state is null ? null : StateFolder.Open(state);
        SessionOptions session = new() { MemoryPath = path, Cache = cache };
        GuestKeeper? keeper = folder is null ? null : new GuestKeeper(folder, manager, Name, [path], [], storeIsPreserved: false);
        try
        {
            // Where the first has waited for code to be compiled, the second goes on at once, and that is code of its own.
            for (int i = 0; i < Guests; i++) await ServeGuestAsync(runtime, session, keeper, cancel);
        }
        finally
        {
            if (folder is not null) Directory.Delete(folder.Path, recursive: true);
        }
    }

    private static async Task ServeGuestAsync(UffdRuntime runtime, SessionOptions session, GuestKeeper? keeper, CancellationToken cancel)
    {
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages }, cancel);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages }, cancel);
        Userfault uffd = await vm.OpenAsync(cancellationToken: cancel);
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing, cancel);
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        GuestServer server = new(runtime, new GuestServerOptions
        {
            Session = session,
            Keeper = keeper,
            Sessions = 1,
            Observer = what =>
            {
                if (what.Kind == ServeEventKind.Began) _ = begun.TrySetResult();
                else if (what.Kind != ServeEventKind.Ended) _ = failed.TrySetException(new ServeException(what.Message));
            },
        });
        await ServeAsync(
            server,
            async vmm =>
            {
                HandOver(vmm, uffd, region);
                await await Task.WhenAny(begun.Task, failed.Task);
                VcpuGroup vcpu = await vm.StartVcpusAsync(
                    [new SyntheticWorkload(WorkloadKind.Sequential, Pages, accesses: 1, writeRatio: 0, seed: 1, vcpu: 0, vcpus: 1)],
                    cancellationToken: cancel);
                await await Task.WhenAny(vcpu.WaitAsync(cancel), failed.Task);
                _ = await server.ReleaseAsync(null, cancel);
            },
            cancel);
        // Its pages are there, and its registration has ended.
        await uffd.AbandonAsync(cancel);
    }

    private static async Task ServeAsync(GuestServer server, Func<Socket, Task> guest, CancellationToken cancel)
    {
        (Socket vmm, Socket accepted) = await ConnectAsync(cancel);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task serving = server.RunAsync(accepted, stop.Token);
        try
        {
            await guest(vmm);
        }
        finally
        {
            await stop.CancelAsync();
            await serving;
            vmm.Dispose();
        }
    }

    // Stored, for the code that reads a page is to be met too, and a hole is not read.
    private static MemoryObject MemoryFile()
    {
        MemoryObject made = MemoryObject.CreateShmem(Name, Pages * PageSize.Base);
        using SafeFileHandle file = new(made.Handle.Number, ownsHandle: false);
        RandomAccess.Write(file, new byte[Pages * PageSize.Base], 0);
        return made;
    }

    // In Firecracker's shape.
    private static void HandOver(Socket vmm, Userfault uffd, GuestRegion region)
    {
        using SafeHandle descriptor = uffd.OpenDescriptor();
        string message = FormattableString.Invariant(
            $"[{{\"base_host_virt_addr\":{region.Address},\"size\":{region.Bytes},\"offset\":0,\"page_size\":{PageSize.Base}}}]");
        PeerSocket.Send(vmm, Encoding.UTF8.GetBytes(message), (int)descriptor.DangerousGetHandle());
    }

    // Under an abstract name, which leaves no file. Others may connect to it as well, and are not heard.
    private static async Task<(Socket Vmm, Socket Accepted)> ConnectAsync(CancellationToken cancel)
    {
        UnixDomainSocketEndPoint name = new($"\0{Name}-{RandomNumberGenerator.GetHexString(32)}");
        Socket listening = NewSocket();
        listening.Bind(name);
        listening.Listen();
        HandOverListener listener = HandOverListener.Of(Name, listening);
        Socket vmm = NewSocket();
        try
        {
            await vmm.ConnectAsync(name, cancel);
            while (true)
            {
                Socket accepted = await listener.AcceptAsync(cancel);
                using PeerProcess peer = PeerProcess.Of(accepted);
                if (peer.Id == Environment.ProcessId) return (vmm, accepted);
                accepted.Dispose();
            }
        }
        finally
        {
            listener.Leave();
        }
    }

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
}
