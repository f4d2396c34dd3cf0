using System.Runtime.InteropServices;

namespace UffdActors.Linux.Tests.Live;

/// <summary>A process that has as many descriptors as it may (RLIMIT_NOFILE) opens a userfaultfd, and again when it has room.</summary>
internal static class FullOfDescriptors
{
    private const int NumberOfFiles = 7;

    public static async Task RunAsync()
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        // What .NET itself opens on the way to an answer and to a refusal is open by then.
        await (await vm.OpenAsync()).CloseAsync();
        Program.Say(await Refused(() => vm.OpenAsync((UffdFeatures)(1UL << 60))));
        _ = Get(NumberOfFiles, out Limits before);
        _ = Set(NumberOfFiles, before with { Soft = 0 });
        string said = await Refused(() => vm.OpenAsync());
        _ = Set(NumberOfFiles, before);
        Program.Say(said);
        await (await vm.OpenAsync()).CloseAsync();
        Program.Say("opened");
    }

    private static async Task<string> Refused(Func<Task<Userfault>> open)
    {
        try
        {
            _ = await open();
            return "opened";
        }
        catch (UffdException e)
        {
            return $"{e.Error}: {e.Message}";
        }
    }

    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int Get(int resource, out Limits limits);

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int Set(int resource, in Limits limits);

    private record struct Limits(ulong Soft, ulong Hard);
}
