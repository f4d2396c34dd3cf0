using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Kvm.Tests;

/// <summary>Runs guests on a runtime of the live world.</summary>
internal static class Guests
{
    /// <summary>A small guest.</summary>
    public static GuestPlan Plan(ProgramKind kind, int vcpus = 1, int dataPages = 256, int rounds = 2, bool largePages = false) => new()
    {
        Kind = kind,
        Vcpus = vcpus,
        Rounds = rounds,
        LargePages = largePages,
        MemoryBytes = GuestPlan.MemoryFor((long)dataPages << 12, largePages),
    };

    /// <summary>Runs it twice: with all memory present, and with all of it absent.</summary>
    public static async Task<(GuestResult Present, GuestResult Served)> BothAsync(
        GuestPlan plan, Func<GuestRunOptions, GuestRunOptions>? change = null)
    {
        using GuestImage image = GuestImage.Make(plan.DataPages << 12, seed: 7);
        GuestRunOptions options = new() { Plan = plan, Image = image, Deadline = TimeSpan.FromMinutes(5) };
        options = change?.Invoke(options) ?? options;
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using KvmHost kvm = KvmHost.Start();
        GuestRunner runner = new(runtime, kvm, options);
        return (await runner.RunPresentAsync(), await runner.RunServedAsync());
    }
}
