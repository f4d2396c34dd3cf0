using Spectre.Console;
using UffdActors.Abi;

namespace UffdActors.Cli.Reports;

/// <summary>One fault, hop by hop.</summary>
internal static class FaultText
{
    private static readonly (string Name, string What, Func<FaultTrace, long> At)[] Stations =
    [
        ("raised", "the vCPU sent the fault to its context", t => t.Raised),
        ("read", "the reader took it from the context's queue", t => t.Read),
        ("requested", "the handler asked the source for the page", t => t.Requested),
        ("data", "the page was there", t => t.Data),
        ("installed", "the page was mapped", t => t.Installed),
        ("woken", "the context woke the vCPU", t => t.Woken),
        ("resumed", "the vCPU ran again", t => t.Resumed),
    ];

    public static void Write(IAnsiConsole console, string title, FaultTrace fault)
    {
        bool isWrite = (fault.Flags & FaultFlags.Write) != 0;
        string kind = (fault.Flags & FaultFlags.Wp) != 0 ? "write-protect" : (fault.Flags & FaultFlags.Minor) != 0 ? "minor" : "missing";
        console.WriteLine("");
        console.WriteLine(
            $"{title}: fault {Figures.Count(fault.Id)} of vCPU {fault.Vcpu}, {kind} by a {(isWrite ? "write" : "read")} at "
                + $"0x{fault.Address:x}, {Figures.Time(fault.Nanoseconds)}");
        long previous = fault.Raised;
        foreach ((string name, string what, Func<FaultTrace, long> at) in Stations)
        {
            long time = at(fault);
            if (time == 0 && fault.Raised != 0)
            {
                console.WriteLine($"  {name,-10} {"-",10} {"",12}  not passed: another fault brought the page");
                continue;
            }

            console.WriteLine(
                $"  {name,-10} {Figures.Time(time - fault.Raised),10} {"+" + Figures.Time(Math.Max(0, time - previous)),12}  {what}");
            previous = time;
        }
    }
}
