using System.Diagnostics;
using UffdActors.Abi;
using UffdActors.Model;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Worlds;

namespace UffdActors.Bench;

/// <summary>
/// A phantom guest that is far larger than the machine: its pages are installed by extents, and in between it takes demand faults like any
/// other. The pages of the demand faults lie in the middle; those before them are installed first, those behind them afterwards.
/// </summary>
internal static class LargeGuest
{
    private const int Vcpus = 16;
    private const long PagesPerFill = 1 << 18;

    /// <summary>Maps it, fills it, and checks that every page is there.</summary>
    /// <param name="pages">Base pages; 268435456 are a tebibyte.</param>
    /// <param name="faults">Demand faults, fewer than pages.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">A page was not exactly one fault.</exception>
    public static Task<LargeGuestReport> RunAsync(long pages, long faults, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(faults, Vcpus);
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, faults);
        return FaultBench.WithRuntimeAsync("fault-loop", null, async runtime =>
        {
            long began = Stopwatch.GetTimestamp();
            await using UffdVm vm =
                await runtime.CreateVmAsync(new VmOptions { MemoryPages = pages, Content = ContentKind.Stamps }, cancel);
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = pages }, cancel);
            Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
            _ = await userfault.RegisterAsync(region, RegisterModes.Missing, cancel);
            using StampSource source = new(pages);
            await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);

            long middle = (pages - faults) / 2;
            await InstallAsync(vm, userfault, region, 0, middle, cancel);
            FirstTouch[] work = [.. FirstTouch.Share(faults, Vcpus).Select(share => share.Behind(middle))];
            VcpuGroup vcpus = await vm.StartVcpusAsync(work, 64, new StampCheck(), cancel);
            await vcpus.WaitAsync(cancel);
            if (vcpus.Error is { } error) throw new BenchException($"A vCPU of the guest failed: {error}.");
            if (vcpus.Faults != faults) throw new BenchException($"{vcpus.Faults} faults on {faults} pages; each page must be one fault.");
            await InstallAsync(vm, userfault, region, middle + faults, pages, cancel);
            using Process process = Process.GetCurrentProcess();
            return new LargeGuestReport(
                pages, CountPresent(vm, region), faults, vm.BookkeepingBytes, process.WorkingSet64,
                Stopwatch.GetElapsedTime(began).TotalSeconds);
        });
    }

    private static async Task InstallAsync(
        UffdVm vm, Userfault userfault, GuestRegion region, long first, long end, CancellationToken cancel)
    {
        var kernel = (ModelKernel)vm.Kernel;
        for (long page = first; page < end; page += PagesPerFill)
        {
            Fill fill = new(kernel.Main);
            fill.Begin(
                ((ModelUserfault)userfault.Kernel).Context,
                FillKind.Copy,
                region.Address + ((ulong)page << PageSize.BaseShift),
                (ulong)Math.Min(PagesPerFill, end - page) << PageSize.BaseShift,
                FillSource.Stamp(StampSource.StampOf(page)),
                FillModes.DontWake);
            await kernel.CallAsync("UFFDIO_COPY", fill, f => f.Error, cancel);
        }
    }

    private static long CountPresent(UffdVm vm, GuestRegion region)
    {
        long present = 0;
        long start = PageSize.PageOf(region.Address);
        for (long page = start; page < start + region.Pages;)
        {
            Model.Mapping.Entry entry = new(((ModelKernel)vm.Kernel).AddressSpace.Entries.Run(page, start + region.Pages, out long length));
            if (entry.IsPresent) present += length;
            page += length;
        }

        return present;
    }
}
