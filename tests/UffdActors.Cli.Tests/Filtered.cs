using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace UffdActors.Cli.Tests;

/// <summary>Runs the command under a seccomp filter that refuses some system calls, as containers do.</summary>
internal static class Filtered
{
    // x86-64.
    public const int Poll = 7;
    public const int EpollCreate = 213;
    public const int EpollWait = 232;
    public const int EpollCtl = 233;
    public const int Ppoll = 271;
    public const int EpollPwait = 281;
    public const int Eventfd = 284;
    public const int Eventfd2 = 290;
    public const int EpollCreate1 = 291;
    public const int UserfaultfdCall = 323;

    private const int Ioctl = 16;
    private const int SetNoNewPrivileges = 38;
    private const int SetSeccomp = 22;
    private const nint Filter = 2;
    private const int OperationNotPermitted = 1;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <summary>Runs it.</summary>
    /// <param name="refused">System calls that give EPERM.</param>
    /// <param name="arguments">The command line.</param>
    public static Task<CommandRun> RunAsync(IReadOnlyList<int> refused, params string[] arguments) => RunAsync(refused, [], arguments);

    /// <summary>Runs it.</summary>
    /// <param name="refused">System calls that give EPERM.</param>
    /// <param name="ioctls">Requests of ioctl(2) that give EPERM.</param>
    /// <param name="arguments">The command line.</param>
    public static async Task<CommandRun> RunAsync(IReadOnlyList<int> refused, IReadOnlyList<uint> ioctls, params string[] arguments)
    {
        Skip.IfNot(RuntimeInformation.ProcessArchitecture == Architecture.X64, "The numbers of system calls are those of x86-64.");
        // What this process needs for children is there before a thread of it may not ask for it any more.
        using (Process first = Start("true", [])) await OutcomeAsync(first);
        Process? started = null;
        ExceptionDispatchInfo? failure = null;
        // A filter is a thread's own, and that of the children and threads that it makes: so it hands nothing to the thread pool, which
        // might begin a thread for it.
        Thread starter = new(Work);
        starter.Start();
        starter.Join();
        failure?.Throw();
        using Process process = started!;
        return await OutcomeAsync(process);

        void Work()
        {
            try
            {
                Refuse(refused, ioctls);
                started = Start(Path.Combine(AppContext.BaseDirectory, "uffd"), arguments);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }
    }

    private static Process Start(string program, string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static async Task<CommandRun> OutcomeAsync(Process process)
    {
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Deadline);
            return new CommandRun(process.ExitCode, await output.WaitAsync(Deadline), await error.WaitAsync(Deadline));
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private static void Refuse(IReadOnlyList<int> calls, IReadOnlyList<uint> ioctls)
    {
        const ushort LoadWord = 0x20;
        const ushort JumpIfEqual = 0x15;
        const ushort Return = 0x06;
        const uint SecondArgument = 24; // Of struct seccomp_data, its lower half.
        const uint Allow = 0x7fff0000;
        const uint GiveError = 0x00050000;
        List<Instruction> program = [new(LoadWord, 0, 0, 0)];
        // Jumps are counted from the next instruction on: to the last one, which refuses.
        int last = 1 + calls.Count + 2 + ioctls.Count + 1;
        foreach (int call in calls) program.Add(new(JumpIfEqual, (byte)(last - program.Count - 1), 0, (uint)call));
        program.Add(new(JumpIfEqual, 0, (byte)(ioctls.Count + 1), Ioctl));
        program.Add(new(LoadWord, 0, 0, SecondArgument));
        foreach (uint request in ioctls) program.Add(new(JumpIfEqual, (byte)(last - program.Count - 1), 0, request));
        program.Add(new(Return, 0, 0, Allow));
        program.Add(new(Return, 0, 0, GiveError | OperationNotPermitted));

        Instruction[] instructions = [.. program];
        GCHandle pinned = GCHandle.Alloc(instructions, GCHandleType.Pinned);
        GCHandle header = GCHandle.Alloc(new Program((ushort)instructions.Length, pinned.AddrOfPinnedObject()), GCHandleType.Pinned);
        try
        {
            _ = Control(SetNoNewPrivileges, 1, 0, 0, 0);
            Skip.If(Control(SetSeccomp, Filter, header.AddrOfPinnedObject(), 0, 0) != 0, "A seccomp filter cannot be installed here.");
        }
        finally
        {
            header.Free();
            pinned.Free();
        }
    }

#pragma warning disable SYSLIB1054 // The source-generated form needs unsafe code, which this project does without.
    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int Control(int option, nint first, nint second, nint third, nint fourth);
#pragma warning restore SYSLIB1054

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Value);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Program(ushort Length, nint Instructions);
}
