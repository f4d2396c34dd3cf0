using System.IO.Pipes;
using UffdActors.Testing.Guests;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A descriptor of the embedder is polled by the thread that reads the faults.</summary>
public sealed class PolledDescriptorTests
{
    private const int Pages = 4;

    [SkippableFact]
    public async Task What_is_answered_from_there_is_answered_on_the_thread_that_asks()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        using PipeSource source = new();
        Task polling = vm.PollAsync(source.Readable, source.OnReadable);
        VcpuGroup vcpus = await ReadAllAsync(vm, source);

        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Null(vcpus.Error);
        Assert.Equal(Pages, source.AnsweredOn.Count);
        Assert.Equal(source.AskedOn, source.AnsweredOn);
        Assert.False(polling.IsCompleted);
    }

    [SkippableFact]
    public async Task It_ends_when_it_is_not_wanted_any_more_whatever_is_left_to_read()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        using AnonymousPipeServerStream writes = new(PipeDirection.Out);
        using AnonymousPipeClientStream reads = new(PipeDirection.In, writes.ClientSafePipeHandle);
        writes.WriteByte(1);
        int calls = 0;

        await vm.PollAsync(reads.SafePipeHandle, () => ++calls < 3).WaitAsync(LiveScene.Deadline);
        using PageBytes source = new(Pages);
        await (await ReadAllAsync(vm, source)).WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal(3, calls);
    }

    [SkippableFact]
    public async Task What_throws_ends_with_that_and_the_machine_serves_on()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        using AnonymousPipeServerStream writes = new(PipeDirection.Out);
        using AnonymousPipeClientStream reads = new(PipeDirection.In, writes.ClientSafePipeHandle);
        Task polling = vm.PollAsync(reads.SafePipeHandle, () => throw new FormatException("no such frame"));
        writes.WriteByte(1);

        FormatException thrown = await Assert.ThrowsAsync<FormatException>(() => polling.WaitAsync(LiveScene.Deadline));
        using PageBytes source = new(Pages);
        VcpuGroup vcpus = await ReadAllAsync(vm, source);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        Assert.Equal("no such frame", thrown.Message);
        Assert.Null(vcpus.Error);
    }

    [SkippableFact]
    public async Task It_ends_with_the_machine_and_a_descriptor_that_its_owner_closes_stays_polled_until_then()
    {
        ThisKernel.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        using AnonymousPipeServerStream writes = new(PipeDirection.Out);
        AnonymousPipeClientStream reads = new(PipeDirection.In, writes.ClientSafePipeHandle);
        TaskCompletionSource called = new();
        Task polling = vm.PollAsync(reads.SafePipeHandle, called.TrySetResult);
        await reads.DisposeAsync();
        writes.DisposeLocalCopyOfClientHandle();
        // Nobody else reads the pipe now.
        writes.WriteByte(1);
        await called.Task.WaitAsync(LiveScene.Deadline);

        await vm.DisposeAsync();

        await polling.WaitAsync(LiveScene.Deadline);
        Assert.Throws<IOException>(() => writes.WriteByte(1));
    }

    [Fact]
    public async Task The_model_polls_nothing_and_says_so()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("model"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        using AnonymousPipeServerStream pipe = new(PipeDirection.Out);

        Assert.False(vm.PollsDescriptors);
        _ = await Assert.ThrowsAsync<NotSupportedException>(() => vm.PollAsync(pipe.SafePipeHandle, () => false));
    }

    private static async Task<VcpuGroup> ReadAllAsync(UffdVm vm, IPageSource source)
    {
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        return await vm.StartVcpusAsync([Steps.Reads(0, 1, 2, 3)]);
    }

    /// <summary>Answers with zeros when a byte that it has sent to itself can be read.</summary>
    private sealed class PipeSource : IPageSource
    {
        private readonly AnonymousPipeServerStream _writes = new(PipeDirection.Out);
        private readonly AnonymousPipeClientStream _reads;
        private readonly Queue<(PageOrder Order, IPageReceiver Receiver)> _open = new();

        public PipeSource() => _reads = new AnonymousPipeClientStream(PipeDirection.In, _writes.ClientSafePipeHandle);

        public List<int> AskedOn { get; } = [];

        public List<int> AnsweredOn { get; } = [];

        public System.Runtime.InteropServices.SafeHandle Readable => _reads.SafePipeHandle;

        public long Pages => PolledDescriptorTests.Pages;

        public bool AnswersAtOnce => false;

        public bool OnReadable()
        {
            _ = _reads.ReadByte();
            (PageOrder order, IPageReceiver receiver) = _open.Dequeue();
            AnsweredOn.Add(Environment.CurrentManagedThreadId);
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
            return true;
        }

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            AskedOn.Add(Environment.CurrentManagedThreadId);
            _open.Enqueue((order, receiver));
            _writes.WriteByte(1);
        }

        public void Dispose()
        {
            _writes.Dispose();
            _reads.Dispose();
        }
    }
}
