using Spectre.Console;
using UffdActors.Cli.Options;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Cli.Reports;

/// <summary>
/// The memory that can be registered: what tables declare, and what REGISTER reports. Version 1 of the document; JSON.md explains it.
/// </summary>
internal sealed record BackendsReport(string Profile, IReadOnlyList<BackendsReport.BackendPart> Backends)
{
    private const RegisterModes OfAnonymous = RegisterModes.Missing | RegisterModes.WriteProtect;

    private static readonly (RegisterModes Mode, string Name)[] ModeNames =
        [(RegisterModes.Missing, "MISSING"), (RegisterModes.WriteProtect, "WP"), (RegisterModes.Minor, "MINOR")];

    private static readonly (UffdIoctls Ioctl, string Name)[] IoctlNames =
    [
        (UffdIoctls.Wake, "WAKE"), (UffdIoctls.Copy, "COPY"), (UffdIoctls.ZeroPage, "ZEROPAGE"), (UffdIoctls.Move, "MOVE"),
        (UffdIoctls.WriteProtect, "WRITEPROTECT"), (UffdIoctls.Continue, "CONTINUE"), (UffdIoctls.Poison, "POISON"),
    ];

    /// <summary>Asks a runtime about anonymous memory and every module.</summary>
    public static async Task<BackendsReport> AskAsync(UffdRuntime runtime, KernelProfile profile, CancellationToken cancel)
    {
        List<BackendPart> backends = [BackendPart.OfAnonymous(await RegisterProbe.AskAsync(runtime, null, profile, cancel))];
        foreach (MemoryModule module in runtime.Modules.Modules)
            backends.Add(BackendPart.Of(module, await RegisterProbe.AskAsync(runtime, module.Facts.Name, profile, cancel)));
        return new BackendsReport(profile.Name, backends);
    }

    /// <summary>Writes it for people.</summary>
    public void Write(IAnsiConsole console)
    {
        console.WriteLine(
            $"Kernel profile {Profile}. A table says what works; what REGISTER reports depends on modes and page size alone.");
        foreach (BackendPart backend in Backends)
        {
            console.WriteLine("");
            console.WriteLine($"{backend.Name}, pages of {SizeText.Of(backend.PageBytes)}{(backend.IsCore ? ", core: no table" : "")}");
            console.WriteLine(
                $"  {(backend.IsCore ? "core takes" : "table"),-18} modes {Join(backend.Modes)}; ioctls {Join(backend.Ioctls)}");
            foreach (RegisterPart answer in backend.Register)
                console.WriteLine(
                    $"  REGISTER {string.Join('+', answer.Modes),-18} "
                        + $"{(answer.Reports is { } reports ? Join(reports) : answer.Errno)}{Gap(backend, answer)}");
        }
    }

    private static string Join(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(' ', names);

    // What is reported and is not in the table will be refused when it is called.
    private static string Gap(BackendPart backend, RegisterPart answer) =>
        answer.ReportsBeyondTable is { Count: > 0 } beyond && !backend.IsCore ? $"  (not in the table: {Join(beyond)})" : "";

    private static string[] Names(RegisterModes modes) => [.. ModeNames.Where(m => (modes & m.Mode) != 0).Select(m => m.Name)];

    private static string[] Names(UffdIoctls ioctls) => [.. IoctlNames.Where(i => (ioctls & i.Ioctl) != 0).Select(i => i.Name)];

    /// <summary>One kind of memory.</summary>
    public sealed record BackendPart(
        string Name, bool IsCore, long PageBytes, IReadOnlyList<string> Modes, IReadOnlyList<string> Ioctls,
        IReadOnlyList<RegisterPart> Register)
    {
        public static BackendPart OfAnonymous(IReadOnlyList<RegisterAnswer> answers)
        {
            const UffdIoctls Ioctls = UffdIoctls.OfRange & ~UffdIoctls.Continue;
            return new(
                "anon", true, PageSize.Base, Names(BackendsReport.OfAnonymous), Names(Ioctls),
                [.. answers.Select(a => RegisterPart.Of(a, Ioctls))]);
        }

        public static BackendPart Of(MemoryModule module, IReadOnlyList<RegisterAnswer> answers)
        {
            // WAKE and MOVE never look at a table.
            UffdIoctls known = module.Facts.Ioctls | UffdIoctls.Wake;
            return new(
                module.Facts.Name, false, 1L << module.Facts.PageShift, Names(module.Facts.Features),
                Names(module.Facts.Ioctls),
                [.. answers.Select(a => RegisterPart.Of(a, known))]);
        }
    }

    /// <summary>One question to REGISTER and its answer.</summary>
    public sealed record RegisterPart(
        IReadOnlyList<string> Modes, IReadOnlyList<string>? Reports, IReadOnlyList<string>? ReportsBeyondTable, string? Errno)
    {
        public static RegisterPart Of(RegisterAnswer answer, UffdIoctls known) => answer.Ioctls is { } ioctls
            ? new(Names(answer.Modes), Names(ioctls), Names(ioctls & ~known), null)
            : new(Names(answer.Modes), null, null, answer.Refusal!.Error.ToString());
    }
}
