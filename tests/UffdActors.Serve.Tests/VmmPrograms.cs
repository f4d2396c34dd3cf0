using System.Diagnostics;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Serve.Tests;

/// <summary>
/// The VMMs of these tests: programs in C that know nothing of this code. Each is compiled once, when it is first needed.
/// </summary>
public sealed class VmmPrograms : IDisposable
{
    private static readonly string? Compiler = (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "gcc")).FirstOrDefault(File.Exists);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("uffd-serve-vmms-");

    /// <summary>Skips the test where there is no compiler, no kernel's header, or no userfaultfd.</summary>
    public static void Require()
    {
        ThisKernel.Require();
        Skip.If(Compiler is null, "There is no gcc on this machine; install a C compiler.");
        Skip.IfNot(
            File.Exists("/usr/include/linux/userfaultfd.h"), "The kernel's headers are not on this machine; install linux-libc-dev.");
    }

    /// <summary>The compiled program.</summary>
    public string Of(string name)
    {
        string binary = Path.Combine(_folder.FullName, name);
        if (File.Exists(binary)) return binary;
        string source = Path.Combine(AppContext.BaseDirectory, "clients", name + ".c");
        ProcessStartInfo start = new(
            Compiler!, ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-O1", "-pthread", "-o", binary, source])
        {
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        return binary;
    }

    /// <inheritdoc />
    public void Dispose() => _folder.Delete(recursive: true);
}
