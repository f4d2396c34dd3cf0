namespace UffdActors.Kvm.Runs;

/// <summary>What the processor offers to KVM, as <c>/proc/cpuinfo</c> shows it, and which module of KVM is loaded.</summary>
/// <param name="IsVirtual">This machine is itself a guest (flag <c>hypervisor</c>): its KVM would be nested.</param>
/// <param name="Extension">Hardware virtualization that is offered to it: <c>VMX</c>, <c>SVM</c>; null for none.</param>
/// <param name="Modules">Modules that run KVM's guests: <c>kvm_intel</c>, <c>kvm_amd</c>, <c>kvm_pvm</c>; none if it is built in.</param>
internal sealed record HostVirtualization(bool IsVirtual, string? Extension, IReadOnlyList<string> Modules)
{
    private const string Flags = "flags";

    /// <summary>Asks this machine.</summary>
    public static HostVirtualization Read()
    {
        try
        {
            return Of(File.ReadAllText("/proc/cpuinfo"), Directory.GetDirectories("/sys/module").Select(d => Path.GetFileName(d)!));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new HostVirtualization(false, null, []);
        }
    }

    /// <summary>Reads what the files say.</summary>
    /// <param name="cpuinfo"><c>/proc/cpuinfo</c>.</param>
    /// <param name="modules">Names in <c>/sys/module</c>.</param>
    public static HostVirtualization Of(string cpuinfo, IEnumerable<string> modules)
    {
        string line = cpuinfo.Split('\n').FirstOrDefault(l => l.StartsWith(Flags, StringComparison.Ordinal)) ?? "";
        string[] flags = line.Split(':')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return new HostVirtualization(
            flags.Contains("hypervisor"), flags.Contains("vmx") ? "VMX" : flags.Contains("svm") ? "SVM" : null,
            [.. modules.Where(m => m.StartsWith("kvm_", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]);
    }

    /// <summary>The same as a clause.</summary>
    public override string ToString()
    {
        string machine = IsVirtual ? "this machine is itself virtual" : "this machine is no virtual one";
        string hardware = (Extension, IsVirtual) switch
        {
            ({ } name, true) => $"is offered {name} (nested virtualization)",
            ({ } name, false) => $"has {name}",
            (null, true) => "is offered neither VMX nor SVM (no nested virtualization)",
            _ => "shows neither VMX nor SVM (switched off in its firmware, perhaps)",
        };
        return $"{machine} and {hardware}; {(Modules.Count == 0 ? "no module of KVM is loaded" : string.Join(' ', Modules))}";
    }
}
