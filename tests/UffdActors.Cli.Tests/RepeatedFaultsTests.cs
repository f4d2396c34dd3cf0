using UffdActors.Cli.Reports;
using UffdActors.Kvm.Runs;
using UffdActors.Serve;

namespace UffdActors.Cli.Tests;

/// <summary>
/// A thread that a signal interrupts in a fault raises it again, thousands of times: that is a figure of its own wherever faults are told.
/// </summary>
public sealed class RepeatedFaultsTests
{
    private const long Faults = 201;
    private const long Repeats = 66_501;

    [Theory]
    [InlineData(0, "201")]
    [InlineData(Repeats, "201 (and 66,501 raised again)")]
    public void A_text_tells_them_beside_the_faults_if_there_are_any(long repeats, string expected) =>
        Assert.Equal(expected, Figures.Faults(Faults, repeats));

    [Fact]
    public void A_document_of_a_KVM_guest_has_them()
    {
        GuestResult result = new()
        {
            Ends = [],
            Checksums = [],
            Reported = [],
            MemorySha256 = null,
            AbsentPages = 0,
            Duration = TimeSpan.Zero,
            Exits = 0,
            Latencies = [],
            Console = "",
            GivenBack = 0,
            Faults = Counts(),
            PushedPages = 0,
            Place = null!,
            PageBytes = 4096,
        };

        VmmRunDocument.FaultsPart part = VmmRunDocument.Side(result).Faults!;

        Assert.Equal((Faults, Repeats), (part.Total, part.Repeated));
    }

    [Fact]
    public void The_figures_of_a_served_guest_have_them()
    {
        SessionFigures figures = new()
        {
            Faults = Faults,
            Repeats = Repeats,
            ContentPages = 0,
            ZeroPages = 0,
            Events = 0,
            BytesRead = 0,
            ReadMean = TimeSpan.Zero,
            ReadLongest = TimeSpan.Zero,
            AbsentPages = 0,
            FaultsInFlight = 0,
            SetUp = TimeSpan.Zero,
            Duration = TimeSpan.Zero,
        };

        GuestFigures told = GuestFigures.Of(figures);

        Assert.Equal((Faults, Repeats), (told.Faults, told.Repeats));
    }

    private static FaultCounts Counts() => new()
    {
        Missing = Faults,
        MissingWrites = 0,
        Minor = 0,
        MinorWrites = 0,
        WriteProtect = 0,
        Merged = 0,
        Repeated = Repeats,
        Dismissed = 0,
        Redelivered = 0,
        Strays = 0,
        Events = 0,
        DemandPages = 0,
        DemandZeroPages = 0,
        PoisonedPages = 0,
    };
}
