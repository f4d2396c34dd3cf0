using System.Globalization;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// Uses all that a VM can hold, disposes of it, and looks for what is left in <c>/proc/self</c>. A process of its own, for elsewhere other
/// tests open and map at the same time.
/// </summary>
internal static class Leftovers
{
    private const int Pages = 64;

    /// <summary>Says what is left, a line each, and at the end that it has looked.</summary>
    public static async Task RunAsync()
    {
        // What the platform keeps from its first use on is no leftover.
        _ = await UseAsync();
        string[] before = Descriptors();
        IReadOnlyList<string> mapped = await UseAsync();
        // The loop's own descriptors go with its thread, which ends by itself.
        _ = SpinWait.SpinUntil(() => Descriptors().Length <= before.Length, LiveScene.Deadline);
        List<string> rest = [.. Descriptors()];
        foreach (string descriptor in before) _ = rest.Remove(descriptor);
        foreach (string descriptor in rest) Program.Say($"descriptor {descriptor}");
        foreach (string map in Maps()
            .Where(m => mapped.Any(a => m.StartsWith(a, StringComparison.Ordinal)) || m.Contains("uffd-guest", StringComparison.Ordinal)))
            Program.Say($"mapping {map}");
        Program.Say("looked");
    }

    private static async Task<IReadOnlyList<string>> UseAsync()
    {
        using PageBytes source = new(Pages);
        using LiveRange theirs = LiveRange.Of(MemoryBacking.Anonymous, Pages, RegisterModes.Missing, UffdFeatures.ThreadId);
        using MemoryObject file = MemoryObject.CreateShmem("theirs", Pages * PageSize.Base);
        using GuestMemory shared = GuestMemory.Map(file, 0, file.Bytes);
        List<GuestRegion> regions = [];
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        Userfault missing = await vm.OpenAsync(UffdFeatures.EventRemove | UffdFeatures.EventUnmap);
        Userfault minor = await vm.OpenAsync();
        Userfault tracking = await vm.OpenAsync(UffdFeatures.WpAsync);
        Userfault adopted =
            await vm.AdoptUserfaultAsync(new AdoptedUserfault { Descriptor = (int)RawCalls.Duplicate(theirs.Uffd.Handle.Number).Return });
        foreach ((
            Userfault uffd, RegisterModes modes) in new[] { (missing, RegisterModes.Missing), (missing, RegisterModes.Missing),
                (minor, RegisterModes.Minor), (tracking, RegisterModes.WriteProtect) })
        {
            bool hasAlias = uffd == minor;
            regions.Add(await vm.MapAsync(new RegionOptions { Pages = Pages, Module = hasAlias ? "shmem" : null, WithAlias = hasAlias }));
            _ = await uffd.RegisterAsync(regions[^1], modes);
        }

        GuestRegion theirRegion = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = theirs.Memory.Address, Pages = Pages });
        _ = await adopted.RegisterAsync(theirRegion, RegisterModes.Missing);
        _ = await vm.AdoptMemoryAsync(
            new AdoptedMemory
            {
                Address = shared.Address,
                Pages = Pages,
                Module = "shmem",
                Descriptor = (int)RawCalls.Duplicate(file.Handle.Number).Return,
            });
        foreach (Userfault uffd in new[] { missing, minor, adopted })
            await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2 });
        _ = await tracking.ProtectAsync(regions[3], 0, Pages);

        VcpuGroup vcpus = await vm.StartVcpusAsync(
            [.. new[] { regions[0], regions[2], regions[3], theirRegion }.Select(
                r => new Steps([.. Enumerable.Range(0, Pages / 2).Select(p => new GuestStep(r.Id, p, IsWrite: true))]))]);
        BackgroundPush push = await minor.PushAsync(regions[2], source);
        await vm.AdviseAsync(regions[0], 0, 4, Advice.DontNeed);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);
        await push.WaitAsync().WaitAsync(LiveScene.Deadline);
        _ = await tracking.TakeWrittenAsync(regions[3], 0, Pages);
        await vm.UnmapAsync(regions[1]).WaitAsync(LiveScene.Deadline);
        return [
            .. regions.SelectMany(r => new[] { r.Address, r.AliasAddress }).Where(a => a != 0)
                .Select(a => a.ToString("x", CultureInfo.InvariantCulture) + "-")];
    }

    private static string[] Descriptors() =>
        [.. Directory.GetFileSystemEntries("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget).OfType<string>().Where(IsOurs)
            .Order(StringComparer.Ordinal)];

    private static bool IsOurs(string target) =>
        new[] { "userfaultfd", "eventfd", "eventpoll", "pagemap", "memfd", "pidfd", "pipe:" }.Any(
            kind => target.Contains(kind, StringComparison.Ordinal));

    private static string[] Maps() => File.ReadAllLines("/proc/self/maps");
}
