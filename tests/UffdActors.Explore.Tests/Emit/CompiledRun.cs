using System.Diagnostics;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Explore.Tests.Emit;

/// <summary>Compiles an emitted program without a warning, and runs it on this kernel.</summary>
internal static class CompiledRun
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    private static readonly Lazy<string?> Compiler = new(() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, "gcc"))
        .FirstOrDefault(File.Exists));

    /// <summary>Skips the test where there is no compiler, or no kernel's header.</summary>
    public static void RequireCompiler()
    {
        Skip.If(Compiler.Value is null, "There is no gcc on this machine; install a C compiler.");
        Skip.IfNot(
            File.Exists("/usr/include/linux/userfaultfd.h"), "The kernel's headers are not on this machine; install linux-libc-dev.");
    }

    /// <summary>Exit code and output of the program.</summary>
    public static (int Code, string Output) Of(string program)
    {
        RequireCompiler();
        ThisKernel.Require();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-emit-");
        try
        {
            string source = Path.Combine(folder.FullName, "run.c");
            string binary = Path.Combine(folder.FullName, "run");
            File.WriteAllText(source, program);
            (int code, string output) = Run(Compiler.Value!, "-Wall", "-Wextra", "-Werror", "-pthread", "-o", binary, source);
            Assert.True(code == 0, output);
            return Run(binary);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int Code, string Output) Run(string file, params string[] arguments)
    {
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        bool ended = process.WaitForExit(Deadline);
        if (!ended) process.Kill();
        Assert.True(ended, $"{file} does not end:\n{output}");
        return (process.ExitCode, output + error.GetAwaiter().GetResult());
    }
}
