using System.Globalization;
using System.Text.Json.Serialization;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Needs;

/// <summary>What may keep this process from a call that the kernel has: its user and capabilities, and the confinement around it.</summary>
/// <param name="User">Effective user.</param>
/// <param name="Capabilities">Effective capabilities, a bit each (<c>CapEff</c>).</param>
/// <param name="Seccomp">Mode of seccomp: 0 none, 1 strict, 2 a filter.</param>
/// <param name="UserNamespace">It lives in a user namespace: its capabilities count for what belongs to that only.</param>
/// <param name="SecurityProfile">Profile or context of a security module (AppArmor, SELinux); null for none, or unconfined.</param>
/// <param name="Container">What has made the container, as far as it shows; null if none does.</param>
internal sealed record Confinement(
    [property: JsonIgnore] uint User,
    [property: JsonIgnore] ulong Capabilities,
    int Seccomp,
    bool UserNamespace,
    string? SecurityProfile,
    string? Container)
{
    private const int Filter = 2;

    /// <summary>Root with everything that root has, and nothing around it.</summary>
    public static Confinement None { get; } = new(0, ulong.MaxValue, 0, false, null, null);

    /// <summary>True if a seccomp filter looks at every system call.</summary>
    [JsonIgnore]
    public bool IsFiltered => Seccomp == Filter;

    /// <summary>Asks for it.</summary>
    public static Confinement Read()
    {
        string[] status = Lines("/proc/self/status");
        return new Confinement(
            Libc.GetEffectiveUser(),
            ulong.TryParse(Field(status, "CapEff:"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong capabilities)
                ? capabilities : 0,
            int.TryParse(Field(status, "Seccomp:"), NumberStyles.None, CultureInfo.InvariantCulture, out int seccomp) ? seccomp : 0,
            IsUserNamespace(Lines("/proc/self/uid_map")),
            ProfileOf(Lines("/proc/self/attr/current").FirstOrDefault()),
            ContainerOf());
    }

    /// <summary>True if a capability is effective.</summary>
    internal bool Has(Capability capability) => (Capabilities & (1UL << (int)capability)) != 0;

    /// <summary>The first user namespace maps every user to itself.</summary>
    internal static bool IsUserNamespace(string[] map) =>
        map.Length > 0 && !map[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).AsSpan().SequenceEqual(["0", "0", "4294967295"]);

    /// <summary>AppArmor and SELinux say "unconfined" somewhere in it; without either the file is empty, or not to be read.</summary>
    internal static string? ProfileOf(string? line)
    {
        string profile = line?.Trim('\0', ' ', '\n') ?? "";
        return profile.Length == 0 || profile == "kernel" || profile.Contains("unconfined", StringComparison.Ordinal) ? null : profile;
    }

    private static string? ContainerOf()
    {
        if (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is not null) return "kubernetes";
        if (File.Exists("/.dockerenv")) return "docker";
        return File.Exists("/run/.containerenv") ? "podman" : null;
    }

    private static string? Field(string[] lines, string name) =>
        lines.FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim();

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }
}
