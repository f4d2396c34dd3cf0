using UffdActors.Abi;
using UffdActors.Model.Memory;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Linux.Tests.Live;

/// <summary>What events have said outlives the process that has read them.</summary>
public sealed class EventJournalTests : IDisposable
{
    private const ulong Address = 0x7000_0000_0000;
    private const ulong Page = PageSize.Base;
    private readonly string _path = Path.Combine(
        Path.GetTempPath(), $"uffd-journal-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Ranges_that_were_removed_are_found_again_in_each_region_merged_and_once()
    {
        using (EventFile journal = EventFile.Create(_path))
        {
            Assert.Empty(Found(journal));
            journal.Add(Address, 200);
            journal.Add(Address + (1000 * Page), 3);
            Read(
                journal, UffdMsg.Remove(Address + (2 * Page), Address + (4 * Page)), UffdMsg.Pagefault(default, Address, 0),
                UffdMsg.Remove(Address + (4 * Page), Address + (130 * Page)));
            Read(journal, UffdMsg.Unmap(Address, Address + Page), UffdMsg.Remove(Address + (199 * Page), Address + (1001 * Page)));
        }

        using EventFile found = EventFile.Open(_path);
        Assert.Equal([(2, 130), (199, 200), (1000, 1001)], Found(found));
        Assert.Empty(Found(found));
    }

    [Fact]
    public void Messages_that_were_read_and_not_noted_any_more_count()
    {
        using (EventFile journal = EventFile.Create(_path))
        {
            journal.Add(Address, 64);
            Read(journal, UffdMsg.Remove(Address, Address + Page));
            // Killed between the kernel's read and the end of the notes.
            journal.BeginRead();
            Put(journal, UffdMsg.Remove(Address + (7 * Page), Address + (9 * Page)));
        }

        using EventFile found = EventFile.Open(_path);
        Assert.Equal([(0, 1), (7, 9)], Found(found));
    }

    [Fact]
    public void Of_what_was_at_the_place_of_a_new_region_nothing_counts()
    {
        using (EventFile journal = EventFile.Create(_path))
        {
            journal.Add(Address, 64);
            Read(journal, UffdMsg.Remove(Address + (2 * Page), Address + (60 * Page)));
            journal.Add(Address + (10 * Page), 10);
            Read(journal, UffdMsg.Remove(Address + (12 * Page), Address + (13 * Page)));
        }

        using EventFile found = EventFile.Open(_path);
        // Once for each region that it lies in; that is the same.
        Assert.Equal([(2, 10), (12, 13), (20, 60), (12, 13)], Found(found));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(1 << 20)]
    public void A_file_that_is_no_journal_is_refused(int bytes)
    {
        File.WriteAllBytes(_path, new byte[bytes]);
        IOException refusal = Assert.Throws<IOException>(() => EventFile.Open(_path));
        Assert.Contains("it is none, or of another version", refusal.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_page_that_was_given_back_to_an_earlier_monitor_is_zeros_and_the_rest_comes_from_the_source()
    {
        ThisKernel.Require();
        const int Pages = 16;
        using PageBytes source = new(Pages);
        await using OwnerProcess owner = await OwnerProcess.StartAsync(
            "anon", Pages, RegisterModes.Missing, UffdFeatures.EventRemove);
        using (EventFile journal = EventFile.Create(_path))
        {
            ulong address = owner.Memory(Pages, isNamed: true).Address;
            journal.Add(address, Pages);
            Read(journal, UffdMsg.Remove(address + (3 * Page), address + (5 * Page)));
        }

        using EventFile before = EventFile.Open(_path);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        GuestRegion region = await vm.AdoptMemoryAsync(
            owner.Memory(Pages, isNamed: true) with { RegisteredAs = UffdIoctls.Copy | UffdIoctls.ZeroPage });
        Userfault uffd = await vm.AdoptUserfaultAsync(owner.Userfault() with { Journal = before });
        // No call is made, and it says what is known.
        Assert.Equal(UffdIoctls.Copy | UffdIoctls.ZeroPage, await uffd.RegisterAsync(region, RegisterModes.Missing));
        await uffd.ServeAsync(new ServeOptions { Source = source });
        for (int page = 2; page < 6; page++)
            Assert.Equal(page is 3 or 4 ? "0" : $"{PageBytes.WordOf(page)}", await owner.DoAsync($"read {page}"));
        await (await uffd.PushAsync(region, source)).WaitAsync();
        await uffd.CloseAsync();
    }

    private static void Read(EventFile journal, params UffdMsg[] messages)
    {
        journal.BeginRead();
        Put(journal, messages);
        journal.EndRead(messages.Length);
    }

    private static unsafe void Put(EventFile journal, params UffdMsg[] messages)
    {
        for (int i = 0; i < messages.Length; i++) ((UffdMsg*)journal.Messages)[i] = messages[i];
    }

    private static List<(int First, int End)> Found(EventFile journal)
    {
        List<(int, int)> found = [];
        while (journal.TryNextFound(out ulong start, out ulong end))
            found.Add(((int)((start - Address) / Page), (int)((end - Address) / Page)));
        return found;
    }
}
