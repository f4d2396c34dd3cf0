using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Linux.Live;
using UffdActors.Linux.Tests.Modes;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A signal ends a thread's wait for a page in the kernel, and the thread faults again: that is no second fault.</summary>
public sealed partial class SignalStormTests
{
    private const int Pages = 4;
    private const int Repeats = 50;
    private const int Signal = 12;
    private const int TgKill = 234;

    [SkippableFact]
    public async Task A_thread_under_signals_raises_a_fault_a_page_and_its_repeats_are_counted_apart()
    {
        using PageBytes source = new(Pages) { AnswersLate = true };
        await using EitherWorld vm = await EitherWorld.StartAsync("live");
        GuestRegion region = await vm.RegisterAsync(Pages, RegisterModes.Missing);
        await vm.Uffd.ServeAsync(new ServeOptions { Source = source });
        // Does nothing, and is not managed: that must not run on a thread that waits for a page.
        _ = SetHandler(Signal, NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "getpid"));
        VcpuGroup reads = await vm.StartAsync(region, isWrite: false, 0, 1, 2, 3);
        Task end = reads.WaitAsync();
        int thread = 0;
        while (true)
        {
            // Of a page more than one order may come: one whose repeat was read after it was filled.
            await UntilAsync(() => source.Late > 0 || end.IsCompleted);
            if (end.IsCompleted) break;
            thread = thread == 0 ? VcpuThread(vm) : thread;
            long enough = vm.Uffd.Repeats + Repeats;
            await UntilAsync(() =>
            {
                _ = Send(TgKill, Environment.ProcessId, thread, Signal);
                return vm.Uffd.Repeats >= enough || end.IsCompleted;
            });
            source.AnswerLate();
        }

        await end;
        // A repeat that is read only after its page was filled cannot be told from a new fault: at most one a page.
        Assert.InRange(vm.Uffd.Faults, Pages, 2 * Pages);
        Assert.True(vm.Uffd.Repeats >= Pages * Repeats, $"{vm.Uffd.Repeats} repeats.");
        VcpuReport report = Assert.Single(reads.Reports());
        Assert.InRange(report.Faults, Pages, 2 * Pages);
        Assert.True(report.Repeats >= Pages * Repeats, $"{report.Repeats} repeats of the vCPU.");
        Assert.Equal(PageBytes.WordOf(3), vm.Word(region, 3));
    }

    private static int VcpuThread(EitherWorld vm) => Directory.GetDirectories("/proc/self/task")
        .Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
        .Single(id => ((LiveKernel)vm.Vm.Kernel).VcpuOf((uint)id) is not null);

    private static async Task UntilAsync(Func<bool> condition)
    {
        long deadline = Environment.TickCount64 + (long)LiveScene.Deadline.TotalMilliseconds;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "It has not come to that.");
            await Task.Yield();
        }
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Send(nint number, nint process, nint thread, nint signal);
}
