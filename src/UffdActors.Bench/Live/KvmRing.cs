using System.Diagnostics;
using UffdActors.Kvm;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;

namespace UffdActors.Bench.Live;

/// <summary>
/// The ring with KVM vCPUs: each adds up its share of pages that are absent, and then once more with all of them present. Sums are checked.
/// </summary>
internal sealed class KvmRing(LiveBenchOptions options, LiveCpus cpus, BytePages image)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(10);

    /// <summary>Runs a guest.</summary>
    /// <exception cref="BenchException">A vCPU ended by a failure, a sum is wrong, or a page did not come by a fault.</exception>
    public Task<KvmSample> RunAsync(int vcpus, CancellationToken cancel) =>
        FaultBench.WithRuntimeAsync("live", null, async runtime =>
        {
            await using KvmHost kvm = KvmHost.Start();
            KvmMachine? running = null;
            await using UffdVm vm = await runtime.CreateVmAsync(
                new VmOptions
                {
                    MemoryPages = options.Pages + (KvmGuestMemory.Bytes >> PageShift),
                    Cpu = cpus.Loop,
                    StopGuest = c => running?.StopAsync(c) ?? Task.CompletedTask,
                }, cancel);
            GuestRegion boot = await vm.MapAsync(new RegionOptions { Pages = KvmGuestMemory.Bytes >> PageShift }, cancel);
            using (GuestMemory window = GuestMemory.Adopt(boot.Address, (long)boot.Bytes, MemoryBacking.Anonymous, isShared: false))
                window.Write(0, KvmGuestMemory.Make());
            GuestRegion data = await vm.MapAsync(RingGuest.RegionOf(options), cancel);
            bool isMinor = options.Mode == BenchMode.Minor;
            if (isMinor) ((LiveKernel)vm.Kernel).MemoryOf(data).Fill(image.Address);
            Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
            _ = await userfault.RegisterAsync(data, isMinor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
            await userfault.ServeAsync(new ServeOptions { Source = image }, cancel);
            await using KvmMachine machine = running = await kvm.CreateAsync(
                new KvmMachineOptions
                {
                    Memory = [new KvmSlot(boot, 0), new KvmSlot(data, KvmGuestMemory.Data)],
                    Vcpus = vcpus,
                    VcpuCpu = cpus.Vcpus,
                }, cancel);

            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            double absent = await SumAsync(machine, cancel);
            cpu = Environment.CpuUsage.TotalTime - cpu;
            if (userfault.Faults < options.Pages)
                throw new BenchException($"{userfault.Faults} faults filled {options.Pages} pages; each page must be one fault.");
            double present = await SumAsync(machine, cancel);
            return new KvmSample(
                options.Pages / absent, present * 1e9 * vcpus / options.Pages, cpu.TotalNanoseconds / options.Pages);
        });

    private const int PageShift = 12;

    // Seconds from the first instruction until the last vCPU has halted.
    private async Task<double> SumAsync(KvmMachine machine, CancellationToken cancel)
    {
        int share = options.Pages / machine.Vcpus.Count;
        foreach (KvmVcpu vcpu in machine.Vcpus)
        {
            KvmRegs regs = new()
            {
                Rip = KvmGuestMemory.Code,
                Rsi = KvmGuestMemory.Data + ((ulong)(vcpu.Number * share) << PageShift),
                Rcx = (ulong)share,
            };
            await vcpu.EnterLongModeAsync(regs, KvmGuestMemory.Tables, cancel);
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        long begun = Stopwatch.GetTimestamp();
        await machine.ResumeAsync(cancel);
        VcpuEnd[] ends = await Task.WhenAll(machine.Vcpus.Select(v => v.Ended)).WaitAsync(Deadline, cancel);
        double seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        foreach (VcpuEnd end in ends) if (!end.IsDone) throw new BenchException($"The guest could not go on. {end.Message}");
        ulong sum = 0;
        foreach (KvmVcpu vcpu in machine.Vcpus) sum += (await vcpu.SaveAsync(cancel)).Regs.Rbx;
        ulong expected = 0;
        for (int page = 0; page < options.Pages; page++) expected += image.WordAt(0, page, 0)!.Value;
        return sum == expected
            ? seconds
            : throw new BenchException($"The guest has added its pages up to 0x{sum:x16}, and they make 0x{expected:x16}.");
    }
}
