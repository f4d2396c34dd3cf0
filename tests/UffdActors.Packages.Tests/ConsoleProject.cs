using System.Diagnostics;
using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Packages.Tests;

/// <summary>
/// A new console project that has our packages and the example of the first page as its program. Its arguments are a file as guest memory
/// and a configuration; or <c>withheld</c> alone, for a page that never comes.
/// </summary>
internal sealed partial class ConsoleProject
{
    private const string Start = "UffdRuntime.Start()";

    private readonly string _folder;

    private ConsoleProject(string folder) => _folder = folder;

    /// <summary>Makes the project.</summary>
    public static async Task<ConsoleProject> MakeAsync(LocalFeed feed)
    {
        string folder = feed.Folder("embedder");
        await File.WriteAllTextAsync(Path.Combine(folder, "embedder.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="UffdActors.Linux" Version="{feed.Version}" />
                <PackageReference Include="UffdActors.PostCopy" Version="{feed.Version}" />
                <PackageReference Include="UffdActors.Kvm" Version="{feed.Version}" />
              </ItemGroup>
            </Project>
            """);
        string example = FirstExample().Match(await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "README.md"))).Groups[1].Value;
        Assert.Contains(Start, example, StringComparison.Ordinal);
        string program = example.Replace(
            Start, "UffdRuntime.Start(Akka.Configuration.ConfigurationFactory.ParseString(args[1]))", StringComparison.Ordinal);
        int body = program.IndexOf("\n\n", StringComparison.Ordinal);
        program = program.Insert(body, """


            if (args is ["withheld"])
            {
                await Withheld.RunAsync();
                return;
            }

            string path = args[0];
            """);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), program);
        await File.WriteAllTextAsync(Path.Combine(folder, "Withheld.cs"), Withheld);
        await File.WriteAllBytesAsync(Path.Combine(folder, "guest"), [.. Enumerable.Range(0, 512 * 4096).Select(i => (byte)(i / 4096))]);
        return new ConsoleProject(folder);
    }

    /// <summary>Runs the SDK on it.</summary>
    public Task<(int Code, string Said)> DotnetAsync(string command) => Dotnet.RunAsync(_folder, command);

    /// <summary>Builds or publishes it.</summary>
    public Task<string> DoAsync(string command) => Dotnet.DoAsync(_folder, command);

    /// <summary>Runs the example to its end.</summary>
    /// <param name="program">The program, below the project's folder.</param>
    /// <param name="config">Configuration of the runtime.</param>
    /// <returns>What it prints.</returns>
    public async Task<string> RunAsync(string program, string config)
    {
        (int code, string output, string error) = await Dotnet.RunAsync(_folder, Path.Combine(_folder, program), "guest", config);
        Assert.True(code == 0, $"{program} ended with {code}:\n{output}{error}");
        return output.Trim();
    }

    /// <summary>Lets a page never come.</summary>
    /// <returns>What the watchdog says of that.</returns>
    public async Task<string> WithholdAsync(string program)
    {
        using Process process = Dotnet.Start(_folder, Path.Combine(_folder, program), "withheld");
        using CancellationTokenSource hang = new(Dotnet.Hang);
        try
        {
            return await process.StandardError.ReadLineAsync(hang.Token) ?? "";
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(hang.Token);
        }
    }

    private const string Withheld = """
        using UffdActors;

        internal sealed class Withheld : IPageSource
        {
            public long Pages => 16;

            public bool AnswersAtOnce => false;

            public static async Task RunAsync()
            {
                using Withheld source = new();
                await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
                await using UffdVm vm = await runtime.CreateVmAsync(
                    new VmOptions { MemoryPages = 1, Watchdog = new WatchdogOptions(TimeSpan.FromMilliseconds(200)) });
                GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = 16 });
                Userfault uffd = await vm.OpenAsync();
                await uffd.RegisterAsync(memory, RegisterModes.Missing);
                await uffd.ServeAsync(new ServeOptions { Source = source });
                await (await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, 16, 1, 0, 1, 0, 1)])).WaitAsync();
            }

            public void Request(in PageOrder order, IPageReceiver receiver)
            {
            }

            public void Dispose()
            {
            }
        }
        """;

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex FirstExample();
}
