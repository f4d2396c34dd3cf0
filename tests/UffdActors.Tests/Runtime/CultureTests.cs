using System.Globalization;
using Akka.Configuration;
using UffdActors.Testing.Guests;

namespace UffdActors.Tests.Runtime;

/// <summary>
/// An embedder's culture, with other signs for minus and the decimal point, changes neither what a configuration means nor what is said.
/// </summary>
public sealed class CultureTests
{
    public static TheoryData<string> Refused =>
    [
        "uffd.version = -1", "uffd.incident-capacity = -1", "uffd.push-chunk-pages = -7", "uffd.handler-crash-limit = -3",
        "uffd.kernel.huge-pages = -5",
        "uffd.kernel.fault-around-bytes = -4096", "uffd.kernel.fault-around-bytes = 5000", "uffd.source-patience = -1.5s",
        "uffd.close-timeout = -2s",
        "uffd.watchdog.deadline = 0.5ms", "uffd.incident-capacity = 1.5", "uffd.incident-capacity = \"1,5\"",
        "uffd.source-patience = \"1,5s\"",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_setting_is_refused_in_the_same_words(string setting)
    {
        string? plain = Message();
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = Strange();
        try
        {
            Assert.Equal(plain, Message());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        string? Message() => Record.Exception(() => UffdSettings.Load(ConfigurationFactory.ParseString(setting)))?.Message;
    }

    [Fact]
    public async Task A_configuration_means_the_same_and_a_VM_runs_by_it()
    {
        Config config = ConfigurationFactory.ParseString(
            "uffd { source-patience = 0.25s, close-timeout = 300.5s, fault-loop.cpu = -1, kernel.huge-pages = 8 }");
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = Strange();
        try
        {
            UffdSettings settings = UffdSettings.Load(config);
            Assert.Equal(TimeSpan.FromSeconds(0.25), settings.SourcePatience);
            Assert.Equal(TimeSpan.FromSeconds(300.5), settings.CloseTimeout);
            await using UffdRuntime runtime = UffdRuntime.Start(config);
            foreach ((string says, VmOptions options) in new (string, VmOptions)[]
            {
                ("MemoryPages = -1", new() { MemoryPages = -1 }), ("HugePages = -2", new() { MemoryPages = 1, HugePages = -2 }),
                ("Cpu = -7", new() { MemoryPages = 1, Cpu = -7 }),
            })
            {
                Assert.Contains(
                    says, (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => runtime.CreateVmAsync(options))).Message,
                    StringComparison.Ordinal);
            }

            // An order that nobody answers, and a page behind everything: figures with a decimal point and a sign.
            using TestSource source = new(16) { AnswersAtOnce = false, HoldsBack = true };
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 16 });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            _ = await vm.StartVcpusAsync([Steps.Reads(1)]);
            Incident silence = await vm.Incidents.ReadAsync();
            Assert.Contains("in full for 0.25 s", silence.Message, StringComparison.Ordinal);
            source.LetGo();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    // As sv-SE where globalization is on.
    private static CultureInfo Strange()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NegativeSign = "\u2212";
        culture.NumberFormat.NumberDecimalSeparator = ",";
        culture.NumberFormat.NumberGroupSeparator = "\u00a0";
        return culture;
    }
}
