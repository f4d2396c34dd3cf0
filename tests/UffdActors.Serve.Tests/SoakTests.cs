using System.Diagnostics;
using System.Globalization;

namespace UffdActors.Serve.Tests;

/// <summary>
/// Guests come, fault and die at random while their daemon is killed and started again: no byte is wrong, no guest is lost, and nothing of
/// them is left, in files, descriptors and memory. Here in short; <c>UFFD_SOAK=600</c> (seconds) has 64 guests at a time, and a daemon that
/// is killed every 20 seconds.
/// </summary>
[Collection(ServeCollection.Name)]
public sealed class SoakTests(VmmPrograms programs)
{
    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(20);
    private const int Waves = 3;

    // The collector takes its time; of 192 guests, a leak of 170 KiB each is more than that.
    private const long MostGrown = 32L << 20;
    private static readonly string[] LoadedGuests = ["1", "2", "3"];

    [SkippableFact]
    public async Task No_guest_is_lost_while_guests_and_daemons_come_and_go()
    {
        VmmPrograms.Require();
        int seconds = int.Parse(Environment.GetEnvironmentVariable("UFFD_SOAK") ?? "0", CultureInfo.InvariantCulture);
        (int slots, int kills) = seconds > 0 ? (64, int.MaxValue) : (4, 2);
        // The seed is in what a failure says.
        int seed = seconds > 0 ? Random.Shared.Next() : 1;
        Random random = new(seed);
        await using DaemonScene scene = await DaemonScene.StartAsync(programs, config: "max-guests = 1024");
        long begun = Stopwatch.GetTimestamp();
        List<(VmmProcess Vmm, bool IsLoaded)> guests = [];
        int verified = 0;
        for (int killed = 0; killed < kills && (seconds == 0 || Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds); killed++)
        {
            long started = Stopwatch.GetTimestamp();
            do
            {
                while (guests.Count < slots) guests.Add(await ComeAsync(scene, random));
                foreach ((VmmProcess vmm, bool isLoaded) in guests)
                {
                    if (isLoaded) await vmm.UntilAsync("busy");
                }

                // Some die, some end in order, and the others stay.
                for (int i = guests.Count - 1; i >= 0; i--)
                {
                    int fate = random.Next(4);
                    if (fate > 1) continue;
                    if (fate == 0) guests[i].Vmm.Kill();
                    else verified += await VerifyAsync(guests[i].Vmm, seed);
                    await guests[i].Vmm.DisposeAsync();
                    guests.RemoveAt(i);
                }
            }
            while (seconds > 0 && Stopwatch.GetElapsedTime(started) < BetweenKills);
            while (guests.Count < slots) guests.Add(await ComeAsync(scene, random));
            // One that hands over in the very moment of the end is not known to the next daemon.
            await UntilServedAsync(scene, guests.Count);
            await scene.RestartAsync();
        }

        foreach ((VmmProcess vmm, _) in guests) verified += await VerifyAsync(vmm, seed);
        Assert.True(verified > 0);
        Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline), $"seed {seed}: a guest is kept for ever");
        using ControlClient client = await ControlClient.ConnectAsync(scene.Control);
        DaemonStatus status = (await client.StatusAsync()).Status!;
        Assert.Equal((0, 0, 0L), (status.Guests, status.Lost, status.Refused));
        string[] left = scene.DescriptorsOfGuests();
        Assert.True(left.Length == 0, $"seed {seed}: {string.Join(", ", left)}");
        Assert.DoesNotContain(scene.Unread, line => line.Contains("Frozen", StringComparison.Ordinal));
        await BackToBaseAsync(scene, random, slots, seed);
    }

    // A daemon that has met all of it once, and then several times as many guests, some of which die: it has what it had.
    private static async Task BackToBaseAsync(DaemonScene scene, Random random, int slots, int seed)
    {
        await scene.RestartAsync();
        await WaveAsync(scene, random, slots, seed);
        Dictionary<string, int> before = scene.Descriptors();
        long memory = scene.MemoryBytes();
        for (int wave = 0; wave < Waves; wave++) await WaveAsync(scene, random, slots, seed);
        // Fewer are right: a control connection may have been open before.
        string[] more = [];
        Assert.True(
            SpinWait.SpinUntil(() => (more = MoreThan(before, scene.Descriptors())).Length == 0, ServeScene.Deadline),
            $"seed {seed}: behind {Waves * slots} guests there are more of {string.Join(", ", more)}");
        long grown = scene.MemoryBytes() - memory;
        Assert.True(grown < MostGrown, $"seed {seed}: {memory} bytes before, {grown} more behind {Waves * slots} guests");
    }

    private static string[] MoreThan(Dictionary<string, int> before, Dictionary<string, int> now) =>
        [.. now.Where(kind => kind.Value > before.GetValueOrDefault(kind.Key)).Select(k => $"{k.Key}: {k.Value}")];

    private static async Task WaveAsync(DaemonScene scene, Random random, int slots, int seed)
    {
        List<(VmmProcess Vmm, bool IsLoaded)> guests = [];
        while (guests.Count < slots) guests.Add(await ComeAsync(scene, random));
        foreach ((VmmProcess vmm, _) in guests)
        {
            if (random.Next(2) == 0) vmm.Kill();
            else _ = await VerifyAsync(vmm, seed);
            await vmm.DisposeAsync();
        }

        await UntilServedAsync(scene, 0);
        Assert.True(SpinWait.SpinUntil(() => scene.Kept().Length == 0, ServeScene.Deadline), $"seed {seed}: a guest is kept for ever");
    }

    private static async Task<(VmmProcess Vmm, bool IsLoaded)> ComeAsync(DaemonScene scene, Random random)
    {
        string threads = LoadedGuests[random.Next(LoadedGuests.Length)];
        string ownSeed = random.Next(1, 1000).ToString(CultureInfo.InvariantCulture);
        return random.Next(8) switch
        {
            3 => (await scene.GuestAsync("e2b", threads, "minor", "waits"), false),
            4 => (await scene.GuestAsync("balloon-load", threads, ownSeed, "minor"), true),
            0 => (await scene.GuestAsync("e2b", threads, "waits"), false),
            1 => (await scene.GuestAsync("cloud-hypervisor", threads, "waits"), false),
            2 => (await scene.GuestAsync("firecracker-1.16", threads, "waits"), false),
            _ => (await scene.GuestAsync("balloon-load", threads, ownSeed), true),
        };
    }

    private static async Task UntilServedAsync(DaemonScene scene, int guests)
    {
        using ControlClient client = await ControlClient.ConnectAsync(scene.Control);
        long begun = Stopwatch.GetTimestamp();
        int served;
        while ((served = (await client.StatusAsync()).Status!.Guests) != guests)
            Assert.True(Stopwatch.GetElapsedTime(begun) < ServeScene.Deadline, $"{served} guests are served, of {guests}");
    }

    private static async Task<int> VerifyAsync(VmmProcess vmm, int seed)
    {
        await vmm.GoOnAsync();
        string said = await vmm.EndAsync();
        Assert.True(said.Contains("verified", StringComparison.Ordinal), $"seed {seed}: {said}");
        return 1;
    }
}
