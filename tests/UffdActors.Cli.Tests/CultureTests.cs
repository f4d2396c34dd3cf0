using System.Globalization;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>
/// Under a culture with other signs for minus, the decimal point and groups of digits, commands and configuration mean the same and say the
/// same.
/// </summary>
public sealed class CultureTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    /// <summary>Commands whose output is the same each time.</summary>
    public static TheoryData<string> Commands =>
    [
        "postcopy --dispatcher stepped --memory 1.5M --accesses 3000 --write-ratio 0.25 --json -",
        "postcopy --dispatcher stepped --memory 1M --accesses 3000 --write-ratio 0.25 --show-fault slowest",
        "backends --json -",
        "backends",
        "ask --backend shmem --state wp-marker --modes MW --do copy",
        "ask --backend shmem --state wp-marker --modes MW --do copy --json -",
        "diff linux-6.18 linux-7.1",
        "designs --rounds 0",
        "designs --rounds 0 --json -",
        "explore --list",
        "explore --grammar",
        "conform --module HERE --type UffdActors.Cli.Tests.RightModule",
        "bench compare A.json B.json",
        "postcopy --help",
        // Refusals.
        "postcopy --write-ratio 0,25",
        "postcopy --write-ratio -0.25",
        "postcopy --memory -1",
        "postcopy --memory 1,5M",
        "postcopy --vcpus -3",
        "postcopy --config negative.conf",
        "postcopy --config fraction.conf",
    ];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task A_command_says_the_same_in_every_culture(string command)
    {
        if (command.Contains(".conf", StringComparison.Ordinal)) WriteConfiguration();
        if (command.Contains(".json", StringComparison.Ordinal)) await MeasureAsync();
        string[] arguments = [.. command.Split(' ').Select(Named)];

        CommandRun plain = await CommandRun.Of(arguments);
        CommandRun strange = await InAsync(Strange(), () => CommandRun.Of(arguments));

        Assert.Equal(Told(plain), Told(strange));
        Assert.Equal(plain.Output, strange.Output);
        Assert.Equal(plain.ExitCode, strange.ExitCode);
        Assert.NotEqual(0, plain.Error.Length + plain.Output.Length);
    }

    /// <summary>Commands that measure, or run on real threads: the figures differ, but not how they are written.</summary>
    [Theory]
    [InlineData("bench faults --pages 2000 --repeats 2 --vcpus 1")]
    [InlineData("bench faults --pages 2000 --repeats 2 --vcpus 1 --json -")]
    [InlineData("stress --rounds 1 --load 0 --gc off --duration 8h --deadline 10m")]
    [InlineData("stress --rounds 1 --load 0 --gc off --duration 8h --deadline 10m --json -")]
    [InlineData("explore --schedules 200 --json -")]
    [InlineData("conform --via kernel --filter matrix --json -")]
    [InlineData("postcopy --memory 8M --accesses 20000")]
    public async Task Figures_are_written_the_same_in_every_culture(string command)
    {
        CommandRun run = await InAsync(Strange(), () => CommandRun.Of(command.Split(' ')));

        run.EndsWith(ExitCode.Done);
        Assert.DoesNotContain(Minus, run.Output + run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Group, run.Output + run.Error, StringComparison.Ordinal);
        Assert.DoesNotMatch("[0-9]{1},[0-9]{1,2}(?![0-9])", run.Output + run.Error);
        if (command.EndsWith(" -", StringComparison.Ordinal)) using (System.Text.Json.JsonDocument.Parse(run.Output)) { }
    }

    // How far it is at each second is another matter.
    private static IEnumerable<string> Told(CommandRun run) =>
        run.Error.Split('\n').Where(l => !l.StartsWith("migrating", StringComparison.Ordinal) && l != "verifying");

    private const string Minus = "\u2212";
    private const string Group = "\u00a0";

    // As sv-SE where globalization is on.
    private static CultureInfo Strange()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NegativeSign = Minus;
        culture.NumberFormat.NumberDecimalSeparator = ",";
        culture.NumberFormat.PercentDecimalSeparator = ",";
        culture.NumberFormat.NumberGroupSeparator = Group;
        culture.NumberFormat.PercentGroupSeparator = Group;
        return culture;
    }

    private static async Task<T> InAsync<T>(CultureInfo culture, Func<Task<T>> body)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            return await body();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private string Named(string argument) => argument switch
    {
        "HERE" => typeof(RightModule).Assembly.Location,
        _ when argument.EndsWith(".conf", StringComparison.Ordinal) || argument is "A.json" or "B.json" => _place.Path(argument),
        _ => argument,
    };

    private void WriteConfiguration()
    {
        _ = _place.Write("negative.conf", "uffd.incident-capacity = -1\n");
        _ = _place.Write("fraction.conf", "uffd.source-patience = 1.5s\nuffd.push-chunk-pages = 1.5\n");
    }

    // What is written in one culture is read in another.
    private async Task MeasureAsync()
    {
        string[] bench = ["bench", "faults", "--pages", "500", "--repeats", "2", "--vcpus", "1", "--json"];
        (await CommandRun.Of([.. bench, _place.Path("A.json")])).EndsWith(ExitCode.Done);
        (await InAsync(Strange(), () => CommandRun.Of([.. bench, _place.Path("B.json")]))).EndsWith(ExitCode.Done);
    }
}
