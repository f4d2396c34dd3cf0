using System.Diagnostics;
using System.Globalization;
using UffdActors.Bench;
using UffdActors.Model;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Benchmarks;

/// <summary>
/// How long a demand fault waits at most while a call over a large region is under way: on another userfaultfd of the same VM, so on the
/// same loop and in the same address space.
/// </summary>
/// <remarks>
/// One vCPU reads pages that are not there, one after another, before the call and during it. The longest wait before is what the machine
/// does to it anyway. Live there are some microseconds between two reads, so that the caller gets a CPU.
/// </remarks>
internal sealed class HoldTimes(bool live, string backend, int gibibytes)
{
    private const UffdFeatures Tracking = UffdFeatures.WpAsync | UffdFeatures.WpUnpopulated;
    private const RegisterModes Watched = RegisterModes.Missing | RegisterModes.WriteProtect;
    private static readonly TimeSpan Before = TimeSpan.FromMilliseconds(300);

    private readonly long _pages = gibibytes * (1L << 18);
    private readonly int _probed = live ? 1 << 17 : 1 << 24;

    /// <summary>Measures all calls and prints a row for each.</summary>
    /// <param name="arguments"><c>--world live|model</c>, <c>--backend anon|shmem</c>, <c>--gib N</c>, <c>--only NAME</c>.</param>
    public static async Task RunAsync(IReadOnlyList<string> arguments)
    {
        string Value(string name, string otherwise) =>
            arguments.SkipWhile(a => a != name).Skip(1).FirstOrDefault() ?? otherwise;
        HoldTimes bench = new(
            Value("--world", "live") == "live", Value("--backend", "anon"), int.Parse(Value("--gib", "1"), CultureInfo.InvariantCulture));
        Console.WriteLine("call                     took ms   longest wait ms: before   during   demands during");
        string only = Value("--only", "");
        foreach ((string name, Func<Setting, Task<Func<Task>>> prepare) in bench.Calls())
        {
            if (name.StartsWith(only, StringComparison.Ordinal)) await bench.MeasureAsync(name, prepare);
        }
    }

    private IEnumerable<(string Name, Func<Setting, Task<Func<Task>>> Prepare)> Calls()
    {
        yield return ("map", s => Task.FromResult<Func<Task>>(() => s.MapAsync(s.Region.Pages)));
        yield return ("register, pages there", async s =>
        {
            await s.PopulateAsync();
            return () => s.Uffd.RegisterAsync(s.Region, Watched);
        }
        );
        yield return ("protect", async s =>
        {
            await s.PopulateAsync();
            _ = await s.Uffd.RegisterAsync(s.Region, Watched);
            return () => s.Uffd.ProtectAsync(s.Region, 0, s.Region.Pages);
        }
        );
        yield return ("protect, no page there", async s =>
        {
            _ = await s.Uffd.RegisterAsync(s.Region, Watched);
            return () => s.Uffd.ProtectAsync(s.Region, 0, s.Region.Pages);
        }
        );
        yield return ("unprotect", async s =>
        {
            await s.ProtectAsync();
            return () => s.Uffd.UnprotectAsync(s.Region, 0, s.Region.Pages);
        }
        );
        yield return ("take written", async s =>
        {
            await s.PopulateAsync();
            _ = await s.Uffd.RegisterAsync(s.Region, Watched);
            return () => s.Uffd.TakeWrittenAsync(s.Region, 0, s.Region.Pages);
        }
        );
        yield return ("page states", async s =>
        {
            await s.ProtectAsync();
            return () => s.Uffd.PageStatesAsync(s.Region, 0, s.Region.Pages);
        }
        );
        if (backend == "anon")
        {
            yield return ("move", async s =>
            {
                await s.PopulateAsync();
                GuestRegion to = await s.MapAsync(s.Region.Pages);
                _ = await s.Uffd.RegisterAsync(to, RegisterModes.Missing);
                return () => s.Uffd.MoveAsync(to, 0, s.Region, 0, s.Region.Pages);
            }
            );
        }

        // Live a vCPU of this process that touches poison would end it.
        if (!live)
        {
            yield return ("poison", async s =>
            {
                _ = await s.Uffd.RegisterAsync(s.Region, RegisterModes.Missing);
                return () => s.Uffd.PoisonAsync(s.Region, 0, s.Region.Pages);
            }
            );
        }

        yield return ("advise DONTNEED", async s =>
        {
            await s.PopulateAsync();
            return () => s.Vm.AdviseAsync(s.Region, 0, s.Region.Pages, Advice.DontNeed);
        }
        );
        if (backend != "anon")
        {
            yield return ("advise REMOVE", async s =>
            {
                await s.PopulateAsync();
                return () => s.Vm.AdviseAsync(s.Region, 0, s.Region.Pages, Advice.Remove);
            }
            );
        }

        yield return ("unregister", async s =>
        {
            await s.ProtectAsync();
            return () => s.Uffd.UnregisterAsync(s.Region);
        }
        );
        yield return ("close", async s =>
        {
            await s.ProtectAsync();
            return () => s.Uffd.CloseAsync();
        }
        );
        yield return ("unmap", async s =>
        {
            await s.PopulateAsync();
            return () => s.Vm.UnmapAsync(s.Region);
        }
        );
    }

    private async Task MeasureAsync(string name, Func<Setting, Task<Func<Task>>> prepare)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(live ? "live" : "fault-loop"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions
        {
            MemoryPages = (3 * _pages) + _probed + 16,
            Content = ContentKind.Stamps,
            AbsentPagesAtDisposal = AbsentPages.ReadAsZeros,
        });
        using IPageSource source = live ? new BytePages(_probed) : new StampSource(_probed);
        GuestRegion elsewhere = await vm.MapAsync(new RegionOptions { Pages = _probed });
        Userfault other = await vm.OpenAsync();
        _ = await other.RegisterAsync(elsewhere, RegisterModes.Missing);
        await other.ServeAsync(new ServeOptions { Source = source });
        Setting setting = new(vm, backend, await vm.OpenAsync(Tracking));
        setting.Region = await setting.MapAsync(_pages);
        Func<Task> call = await prepare(setting);

        Probe probe = new(elsewhere.Id, _probed, live);
        VcpuGroup vcpu = await vm.StartVcpusAsync([probe], sampleEvery: int.MaxValue);
        await Task.Delay(Before, TimeProvider.System);
        (TimeSpan before, _) = probe.Take();
        long began = Stopwatch.GetTimestamp();
        await call();
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        (TimeSpan during, long demands) = probe.Take();
        probe.Stop();
        await vcpu.WaitAsync();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-22} {took.TotalMilliseconds,9:F1} {before.TotalMilliseconds,25:F2} {during.TotalMilliseconds,8:F2} {demands,16}"));
        if (vcpu.Error is { } error) Console.WriteLine($"  the guest met {error}");
        if (!probe.HasPages) Console.WriteLine("  the pages to demand ran out during the call");
    }

    /// <summary>What a call is made on.</summary>
    private sealed class Setting(UffdVm vm, string backend, Userfault uffd)
    {
        public UffdVm Vm => vm;

        public Userfault Uffd => uffd;

        public GuestRegion Region { get; set; } = null!;

        public Task<GuestRegion> MapAsync(long pages) =>
            vm.MapAsync(new RegionOptions { Pages = pages, Module = backend == "anon" ? null : backend });

        /// <summary>Every page is written once, before anything is registered.</summary>
        public async Task PopulateAsync() => await (await vm.StartVcpusAsync([new Writer(Region)], int.MaxValue)).WaitAsync();

        /// <summary>Every page is there, and protected.</summary>
        public async Task ProtectAsync()
        {
            await PopulateAsync();
            _ = await uffd.RegisterAsync(Region, Watched);
            _ = await uffd.ProtectAsync(Region, 0, Region.Pages);
        }
    }

    private sealed class Writer(GuestRegion region) : IWorkload
    {
        private long _next;

        public bool TryNext(out GuestStep step)
        {
            step = new GuestStep(region.Id, _next, IsWrite: true);
            return _next++ < region.Pages;
        }

        public void Reset() => _next = 0;
    }

    private sealed class Probe(int region, int pages, bool pauses) : IWorkload
    {
        private const double PauseMicroseconds = 20;
        private readonly Lock _gate = new();
        private volatile bool _isStopped;
        private long _longest;
        private long _demands;
        private long _given;
        private int _next;

        public bool HasPages => _next < pages;

        public void Stop() => _isStopped = true;

        /// <summary>
        /// The longest wait since the last time, that of the access which is under way included, and how many accesses ended.
        /// </summary>
        public (TimeSpan Longest, long Demands) Take()
        {
            lock (_gate)
            {
                (long longest, long demands) = (_longest, _demands);
                if (_given != 0) longest = Math.Max(longest, Stopwatch.GetTimestamp() - _given);
                (_longest, _demands) = (0, 0);
                return (Stopwatch.GetElapsedTime(0, longest), demands);
            }
        }

        public bool TryNext(out GuestStep step)
        {
            step = new GuestStep(region, _next, IsWrite: false);
            long now = Stopwatch.GetTimestamp();
            lock (_gate)
            {
                if (_given != 0)
                {
                    _longest = Math.Max(_longest, now - _given);
                    _demands++;
                    _given = 0;
                }
            }

            if (_isStopped || ++_next >= pages) return false;
            while (pauses && Stopwatch.GetElapsedTime(now).TotalMicroseconds < PauseMicroseconds) Thread.SpinWait(8);
            lock (_gate) _given = Stopwatch.GetTimestamp();
            return true;
        }

        public void Reset() => _next = 0;
    }
}
