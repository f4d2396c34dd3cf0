using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Peers;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>
/// A process that has guest memory of its own, as a VMM has, registered with a userfaultfd of its own; the VM under test is in this
/// process, its monitor. It does what it is told by lines on its standard input, and ends with that.
/// </summary>
internal sealed partial class OwnerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private OwnerProcess(Process process, string[] words)
    {
        _process = process;
        Address = ulong.Parse(words[1], CultureInfo.InvariantCulture);
        Uffd = int.Parse(words[2], CultureInfo.InvariantCulture);
        File = int.Parse(words[3], CultureInfo.InvariantCulture);
    }

    public int Id => _process.Id;

    /// <summary>First address of its memory.</summary>
    public ulong Address { get; }

    /// <summary>Its userfaultfd, there.</summary>
    public int Uffd { get; }

    /// <summary>The descriptor of its memory, there; -1 for private memory.</summary>
    public int File { get; }

    public static async Task<OwnerProcess> StartAsync(string module, int pages, RegisterModes modes, UffdFeatures features)
    {
        ProcessStartInfo start = Program.AsChild("owner", module, Text(pages), Text((long)modes), Text((long)(ulong)features));
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        Process process = Process.Start(start)!;
        string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline);
        if (line?.StartsWith("memory ", StringComparison.Ordinal) == true) return new OwnerProcess(process, line.Split(' '));
        process.Kill();
        throw new InvalidOperationException($"The owner says: {line}");
    }

    /// <summary>Its userfaultfd and memory as a VM here adopts them.</summary>
    public AdoptedUserfault Userfault() => new() { Descriptor = PeerProcess.TakeFrom(Id, Uffd).Take(), ProcessId = Id };

    /// <summary>Its memory as a VM here adopts it.</summary>
    public AdoptedMemory Memory(int pages, bool isNamed, bool withFile = false) => new()
    {
        Address = Address,
        Pages = pages,
        Module = File < 0 ? null : "shmem",
        IsInOtherProcess = true,
        ProcessId = isNamed ? Id : null,
        Descriptor = withFile ? PeerProcess.TakeFrom(Id, File).Take() : null,
    };

    /// <summary>A line that it does at once: it answers when it has.</summary>
    public async Task<string> DoAsync(string line)
    {
        await TellAsync(line);
        return await AnswerAsync();
    }

    /// <summary>A line that may take a page to end: <see cref="AnswerAsync"/> waits for that.</summary>
    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    public async Task<string> AnswerAsync() => await _process.StandardOutput.ReadLineAsync().WaitAsync(LiveScene.Deadline) ?? "gone";

    /// <summary>Ends it, whatever it does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(LiveScene.Deadline);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        _process.Dispose();
    }

    /// <summary>The process itself.</summary>
    public static void Run(string module, int pages, RegisterModes modes, UffdFeatures features)
    {
        long bytes = (long)pages << PageSize.BaseShift;
        using MemoryObject? file = module == "shmem" ? MemoryObject.CreateShmem("owner", bytes) : null;
        using GuestMemory memory = file is null ? GuestMemory.MapAnonymous(bytes) : GuestMemory.Map(file, 0, bytes);
        using LiveRange range = new(memory, modes, features);
        Program.Say(
            string.Create(CultureInfo.InvariantCulture, $"memory {memory.Address} {range.Uffd.Handle.Number} {file?.Handle.Number ?? -1}"));
        Obey(memory);
    }

    private static void Obey(GuestMemory memory)
    {
        while (Console.In.ReadLine() is { } line)
        {
            string[] words = line.Split(' ');
            long at = long.Parse(words[1], CultureInfo.InvariantCulture) << PageSize.BaseShift;
            switch (words[0])
            {
                case "write":
                    memory.WriteWord(at, ulong.Parse(words[2], CultureInfo.InvariantCulture));
                    Program.Say("written");
                    break;
                case "read":
                    Program.Say(Text(memory.ReadWord(at)));
                    break;
                case "exec":
                    // Of this process nothing is left but its number and its standard input and output.
                    _ = Execute("/bin/sh", ["sh", "-c", "echo executed; read line", null], ["PATH=/bin:/usr/bin", null]);
                    break;
                case "leave":
                    // The first thread of the process ends, and the process goes on.
                    new Thread(() =>
                    {
                        SpinWait.SpinUntil(() => ThreadState('Z'));
                        Program.Say("left");
                        Obey(memory);
                        Environment.Exit(0);
                    }).Start();
                    _ = EndThread(SysExit, 0);
                    break;
                case "drop":
                    Program.Say(memory.Advise(at, PageSize.Base, MemoryAdvice.DontNeed).ToString());
                    break;
            }
        }
    }

    private static bool ThreadState(char state)
    {
        string stat = System.IO.File.ReadAllText("/proc/self/stat");
        return stat[stat.LastIndexOf(')') + 2] == state;
    }

    private const int SysExit = 60;

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint EndThread(nint number, nint status);

    [LibraryImport("libc", EntryPoint = "execve", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, string?[] arguments, string?[] environment);

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
