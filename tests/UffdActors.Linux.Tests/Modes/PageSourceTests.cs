using System.Runtime.InteropServices;
using UffdActors.Linux.Tests.Live;
using UffdActors.Testing;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A source of which only the reading of a page is written: right, wrong, failing, slow, and disposed of meanwhile.</summary>
public sealed class PageSourceTests
{
    private const int RegionPages = 64;

    public static TheoryData<string> Worlds => EitherWorld.Names;

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Pages_come_on_demand_and_by_push_zeros_among_them(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        await using Reads source = new(async (page, bytes, _) =>
        {
            await Task.Yield();
            if (page % 2 == 1)
            {
                bytes.Span.Fill(0xFF);
                return SourceContent.Zero;
            }

            return Numbered(page, bytes);
        });
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 10, 11);
        await using BackgroundPush push = await vm.Uffd.PushAsync(region, source);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        Assert.All(Enumerable.Range(0, RegionPages), page => Assert.Equal(page % 2 == 1 ? 0ul : (ulong)page, vm.Word(region, page, 8)));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Regions_can_have_content_of_their_own(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion first = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        GuestRegion second = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        await using ByRegion source = new();
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(first, 5);
        await vm.WriteAsync(second, 5);
        Assert.Equal(((ulong)first.Id, (ulong)second.Id), (vm.Word(first, 5, 8), vm.Word(second, 5, 8)));
    }

    [SkippableTheory]
    [InlineData("model", false)]
    [InlineData("live", false)]
    [InlineData("model", true)]
    [InlineData("live", true)]
    public async Task A_read_that_throws_is_reported_with_what_it_said_and_made_again(string world, bool isOneOfMany)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        bool isBroken = true;
        bool hasThrown = false;
        await using Reads source = new(async (page, bytes, cancel) =>
        {
            // The others of its order are under way: that they are cancelled is no failure of theirs.
            if (page != 7 && !Volatile.Read(ref hasThrown)) await Task.Delay(Timeout.Infinite, cancel);
            if (page != 7 || !Volatile.Read(ref isBroken)) return Numbered(page, bytes);
            Volatile.Write(ref hasThrown, true);
            throw new IOException($"page {page} is on a broken disk");
        });
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        Task waits = isOneOfMany
            ? (await vm.Uffd.PushAsync(region, source)).WaitAsync()
            : (await vm.StartAsync(region, isWrite: true, 7)).WaitAsync();
        Incident incident = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.SourceFailed, incident.Kind);
        Assert.Contains("page 7 is on a broken disk", incident.Message, StringComparison.Ordinal);
        Volatile.Write(ref isBroken, false);
        await waits.WaitAsync(LiveScene.Deadline);
        await LiveScene.UntilAsync(() => vm.Word(region, 7, 8) is not null);
        Assert.Equal(7ul, vm.Word(region, 7, 8));
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_page_that_is_lost_is_told_as_lost(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        await using Reads source = new((page, _, _) => throw new PageLostException("burnt"));
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        _ = await vm.StartAsync(region, isWrite: false, 3);
        Incident incident = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.PageLost, incident.Kind);
        await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task An_answer_that_is_none_is_refused_and_the_page_asked_for_again(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        int asked = 0;
        await using Reads source = new((page, bytes, _) =>
            new(Interlocked.Increment(ref asked) == 1 ? (SourceContent)7 : Numbered(page, bytes)));
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        await vm.WriteAsync(region, 9);
        Assert.Equal(9ul, vm.Word(region, 9, 8));
        Incident incident = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.WrongAnswer, incident.Kind);
        Assert.Contains("with content 7, which is none", incident.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task A_read_that_takes_its_time_delays_no_other_even_if_it_blocks_its_thread(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        using ManualResetEventSlim go = new();
        await using Reads source = new((page, bytes, cancel) =>
        {
            if (page == 0) go.Wait(cancel);
            return new(Numbered(page, bytes));
        });
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup slow = await vm.StartAsync(region, isWrite: true, 0);
        await LiveScene.UntilAsync(() => source.Open == 1);
        await vm.WriteAsync(region, 1, 2);
        Assert.Equal(0, slow.Accesses);
        go.Set();
        await slow.WaitAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task Disposed_of_while_reads_are_open_it_cancels_them_and_waits_for_their_end(string world)
    {
        await using EitherWorld vm = await EitherWorld.StartAsync(world);
        GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Reads source = new(async (page, bytes, cancel) =>
        {
            try
            {
                await Task.Delay(Timeout.Infinite, cancel);
            }
            catch (OperationCanceledException)
            {
                cancelled.SetResult();
                await goOn.Task;
                throw;
            }

            return Numbered(page, bytes);
        });
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup waits = await vm.StartAsync(region, isWrite: true, 0);
        await LiveScene.UntilAsync(() => source.Open == 1);

        Task disposing = source.DisposeAsync().AsTask();
        await cancelled.Task.WaitAsync(LiveScene.Deadline);
        Assert.False(disposing.IsCompleted);
        goOn.SetResult();
        await disposing.WaitAsync(LiveScene.Deadline);

        Assert.Equal(0, source.Open);
        Incident incident = await vm.IncidentAsync();
        Assert.Equal(IncidentKind.SourceFailed, incident.Kind);
        Assert.Contains("has been disposed of", incident.Message, StringComparison.Ordinal);
        Assert.Equal(0, waits.Accesses);
        await vm.Uffd.AbandonAsync().WaitAsync(LiveScene.Deadline);
    }

    [SkippableTheory]
    [MemberData(nameof(Worlds))]
    public async Task When_the_VM_goes_what_is_being_read_for_it_is_cancelled_and_a_late_answer_harms_nobody(string world)
    {
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Reads source = new(async (page, bytes, cancel) =>
        {
            using CancellationTokenRegistration told = cancel.Register(() => cancelled.TrySetResult());
            await cancelled.Task;
            return Numbered(page, bytes);
        });
        await using (EitherWorld vm = await EitherWorld.StartAsync(world))
        {
            GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            _ = await vm.StartAsync(region, isWrite: true, 0);
            await LiveScene.UntilAsync(() => source.Open == 1);
        }

        await cancelled.Task.WaitAsync(LiveScene.Deadline);
    }

    [Fact]
    public async Task The_example_of_the_library_page_reads_a_file()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] image = new byte[RegionPages * 4096];
            for (int page = 0; page < RegionPages; page++) BitConverter.TryWriteBytes(image.AsSpan((page * 4096) + 8), (ulong)page);
            await File.WriteAllBytesAsync(path, image);
            await using EitherWorld vm = await EitherWorld.StartAsync("model");
            GuestRegion region = await vm.RegisterAsync(RegionPages, RegisterModes.Missing);
            await using FileStream file = File.OpenRead(path);
            await using FileSource source = new(file);
            await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
            await using BackgroundPush push = await vm.Uffd.PushAsync(region, source);
            await push.WaitAsync().WaitAsync(LiveScene.Deadline);
            Assert.Equal((ulong)(RegionPages - 1), vm.Word(region, RegionPages - 1, 8));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_library_page_shows_the_lines_that_are_compiled()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Root, "src", "UffdActors", "README.md"));
        string[] shown = LinesOf(page.Split("```csharp")[1].Split("```")[0]);
        string[] compiled =
            LinesOf(File.ReadAllText(Path.Combine(SourceTree.Root, "tests", "UffdActors.Linux.Tests", "Modes", "FileSource.cs")));
        int first = Array.IndexOf(compiled, shown[0]);
        Assert.True(first >= 0, $"\"{shown[0]}\" is not in FileSource.cs.");
        Assert.Equal(shown, compiled.Skip(first).Take(shown.Length));
    }

    private static string[] LinesOf(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];

    private static SourceContent Numbered(long page, Memory<byte> bytes)
    {
        MemoryMarshal.Cast<byte, ulong>(bytes.Span).Fill((ulong)page);
        return SourceContent.Bytes;
    }

    private sealed class Reads(Func<long, Memory<byte>, CancellationToken, ValueTask<SourceContent>> read) : PageSource(RegionPages)
    {
        private int _open;

        public int Open => Volatile.Read(ref _open);

        protected override async ValueTask<SourceContent> ReadAsync(long page, Memory<byte> bytes, CancellationToken cancel)
        {
            _ = Interlocked.Increment(ref _open);
            try
            {
                return await read(page, bytes, cancel);
            }
            finally
            {
                _ = Interlocked.Decrement(ref _open);
            }
        }
    }

    private sealed class ByRegion() : PageSource(RegionPages)
    {
        protected override ValueTask<SourceContent> ReadAsync(long page, Memory<byte> bytes, CancellationToken cancel) =>
            throw new InvalidOperationException("not asked without its region");

        protected override ValueTask<SourceContent> ReadAsync(int region, long page, Memory<byte> bytes, CancellationToken cancel) =>
            new(Numbered(region, bytes));
    }
}
