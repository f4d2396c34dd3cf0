using System.IO.Compression;
using System.Reflection;
using System.Text;
using UffdActors.Testing;

namespace UffdActors.Packages.Tests;

/// <summary>
/// The packages of this build in a folder outside the repository, and beside it a place for projects that install them. Other packages come
/// from this machine's cache, and ours never go there.
/// </summary>
public sealed class LocalFeed : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("uffd-packages-").FullName;
    private ConsoleProject? _project;

    /// <summary>The version of our packages: none that anybody else has.</summary>
    public string Version { get; } = $"0.1.0-test.{Environment.ProcessId}";

    /// <summary>The files that were packed.</summary>
    public IEnumerable<string> Files => Directory.GetFiles(Path.Combine(_folder, "feed"));

    /// <inheritdoc />
    public async Task InitializeAsync()
    {
        string configuration = typeof(LocalFeed).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(a => a.Key == "Configuration").Value!;
        string feed = Directory.CreateDirectory(Path.Combine(_folder, "feed")).FullName;
        _ = await Dotnet.DoAsync(
            SourceTree.Root, $"pack UffdActors.sln -c {configuration} --no-build -o {feed} -p:PackageVersion={Version} -v:q");
        string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        await File.WriteAllTextAsync(Path.Combine(_folder, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_folder, "packages")}" /></config>
              <fallbackPackageFolders><add key="cache" value="{cache}" /></fallbackPackageFolders>
              <packageSources><add key="ours" value="{feed}" /></packageSources>
            </configuration>
            """);
    }

    /// <inheritdoc />
    public Task DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>A folder of that name in which our packages can be installed.</summary>
    public string Folder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    /// <summary>A new console project with our packages, restored for every form in which it is built.</summary>
    internal async Task<ConsoleProject> ProjectAsync()
    {
        if (_project is null)
        {
            _project = await ConsoleProject.MakeAsync(this);
            _ = await _project.DoAsync("restore -r linux-x64 -p:SelfContained=true -v:q");
        }

        return _project;
    }

    /// <summary>What is in a package, by path.</summary>
    /// <param name="package">Its name.</param>
    /// <param name="extension">nupkg or snupkg.</param>
    internal Dictionary<string, byte[]> Contents(string package, string extension = "nupkg")
    {
        using ZipArchive archive = ZipFile.OpenRead(Path.Combine(_folder, "feed", $"{package}.{Version}.{extension}"));
        return archive.Entries
            .Where(e => !e.FullName.StartsWith("_rels/", StringComparison.Ordinal)
                && !e.FullName.StartsWith("package/", StringComparison.Ordinal) && e.FullName != "[Content_Types].xml")
            .ToDictionary(e => e.FullName, BytesOf);
    }

    /// <summary>The description of a package, as text.</summary>
    internal string Nuspec(string package) => Encoding.UTF8.GetString(Contents(package)[package + ".nuspec"]);

    private static byte[] BytesOf(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
