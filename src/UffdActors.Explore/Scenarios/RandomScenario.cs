using System.Collections.Immutable;
using System.Globalization;
using UffdActors.Abi;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Faults;
using UffdActors.Model;

namespace UffdActors.Explore.Scenarios;

/// <summary>Small scenarios out of a seed: a served region, vCPUs, one thread that changes the address space, and faults.</summary>
internal static class RandomScenario
{
    private const UffdFeatures Events = UffdFeatures.EventFork | UffdFeatures.EventRemap | UffdFeatures.EventRemove | UffdFeatures.EventUnmap;

    /// <summary>The scenario of a seed.</summary>
    public static Scenario Make(ulong seed)
    {
        ChoiceStream choices = new();
        choices.Begin(seed);
        bool minor = choices.OneIn(4);
        MemoryKind memory = minor || choices.OneIn(3) ? MemoryKind.Shmem : MemoryKind.Anonymous;
        int pages = 1 + choices.Draw(4);
        RegionPlan ram = new("ram", pages, memory, minor, choices.OneIn(3) ? [choices.Draw(pages)] : []);
        RegionPlan spot = new("spot", pages, MemoryKind.Nothing, false, []);
        bool wp = !minor && choices.OneIn(4);
        RegisterModes modes = (minor ? RegisterModes.Minor : RegisterModes.Missing) | (wp ? RegisterModes.WriteProtect : 0);
        // Regions that move do not take their alias, nor their protection, with them in a way that one history could tell.
        bool changes = !minor && !wp;
        ContextPlan uffd = new(
            "uffd", changes ? Events : UffdFeatures.None, [new Registered(0, modes)], 1 + choices.Draw(2), choices.OneIn(2), choices.OneIn(3));
        List<ThreadPlan> threads = [new ThreadPlan("main", [MainAction(choices, pages, memory, changes, wp)])];
        int vcpus = 1 + choices.Draw(3);
        for (int i = 0; i < vcpus; i++)
        {
            ImmutableArray<ThreadAction>.Builder actions = ImmutableArray.CreateBuilder<ThreadAction>();
            int count = 1 + choices.Draw(3);
            for (int a = 0; a < count; a++) actions.Add(new ThreadAction(choices.OneIn(2) ? ActionKind.Write : ActionKind.Read) { Page = choices.Draw(pages) });
            threads.Add(new ThreadPlan($"vcpu-{i.ToString(CultureInfo.InvariantCulture)}", actions.ToImmutable()));
        }

        return new Scenario
        {
            Name = $"random-{seed.ToString(CultureInfo.InvariantCulture)}",
            Summary = "Drawn from a seed",
            Kernel = KernelProfile.Seed,
            MemoryPages = 64,
            Regions = [ram, spot],
            Contexts = [uffd],
            Setup = [],
            Threads = [.. threads],
            Faults = [.. FaultPoints.All.Where(p => p != FaultPoint.ModuleFail && (!minor || p != FaultPoint.RacingResolver) && choices.OneIn(3))],
        };
    }

    private static ThreadAction MainAction(ChoiceStream choices, int pages, MemoryKind memory, bool changes, bool wp)
    {
        int page = choices.Draw(pages);
        int count = 1 + choices.Draw(pages - page);
        ThreadAction access = new(ActionKind.Write) { Page = page };
        if (wp) return new ThreadAction(ActionKind.Protect) { Page = page, Count = count };
        if (!changes) return access;
        return choices.Draw(6) switch
        {
            0 => new ThreadAction(ActionKind.DontNeed) { Page = page, Count = count },
            1 when memory == MemoryKind.Shmem => new ThreadAction(ActionKind.Remove) { Page = page, Count = count },
            1 or 2 => new ThreadAction(ActionKind.Munmap) { Page = page, Count = count },
            3 => new ThreadAction(ActionKind.Mremap) { Page = page, Count = count, OtherRegion = 1, OtherPage = page },
            4 => new ThreadAction(ActionKind.Fork),
            _ => new ThreadAction(ActionKind.Unregister) { Page = page, Count = count },
        };
    }
}
