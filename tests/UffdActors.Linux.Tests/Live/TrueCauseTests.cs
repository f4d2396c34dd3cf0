using System.Diagnostics;
using UffdActors.Linux.Live;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Live;

/// <summary>One errno has many causes; the one that applies is told from facts, which are made up here.</summary>
public sealed class TrueCauseTests
{
    private const ulong Unlimited = ulong.MaxValue;
    private const ulong Gib = 1UL << 30;
    private static readonly AddressSpaceFacts Roomy = new(100, 65530, 100 * Gib, Gib, Unlimited, Gib, Unlimited, false, Gib, 2 * Gib);

    [Theory]
    [InlineData("memfd_create", Errno.EPERM)]
    [InlineData("memfd_create", Errno.ENOSYS)]
    [InlineData("madvise(MADV_POPULATE_WRITE)", Errno.EPERM)]
    [InlineData("UFFDIO_REGISTER", Errno.EPERM)]
    [InlineData("UFFDIO_COPY", Errno.EPERM)]
    [InlineData("UFFDIO_WRITEPROTECT", Errno.EACCES)]
    [InlineData("UFFDIO_WAKE", Errno.ENOSYS)]
    [InlineData("PAGEMAP_SCAN", Errno.EPERM)]
    public void What_the_kernel_itself_refuses_to_nobody_names_seccomp(string call, Errno error) =>
        Assert.Contains("seccomp", KernelErrors.Explain(call, error), StringComparison.Ordinal);

    [Theory]
    [InlineData("nothing", null)]
    [InlineData("mappings", "65531 mappings, as many as it may; unmap some, or raise the bound as root: sysctl vm.max_map_count=")]
    [InlineData("address space", "RLIMIT_AS")]
    [InlineData("private memory", "RLIMIT_DATA")]
    [InlineData("gaps", "other mappings lie in the way")]
    [InlineData("promises", "vm.overcommit_memory")]
    public void ENOMEM_of_a_mapping_names_the_bound_that_is_reached(string bound, string? expected)
    {
        AddressSpaceFacts facts = bound switch
        {
            "mappings" => Roomy with { Mappings = 65531 },
            "address space" => Roomy with { MaxBytes = 2 * Gib },
            "private memory" => Roomy with { MaxDataBytes = 2 * Gib },
            "gaps" => Roomy with { LargestGap = Gib },
            "promises" => Roomy with { NeverOvercommits = true },
            _ => Roomy,
        };

        string? why = MapRefusal.Why((2 * Gib) - 4096, MemoryBacking.Anonymous, facts);

        if (expected is null) Assert.Null(why);
        else Assert.Contains(expected, why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UffdFeatures.None, Errno.EPERM, true, "a seccomp filter does")]
    [InlineData(UffdFeatures.None, Errno.ENOSYS, true, "a seccomp filter does")]
    [InlineData(UffdFeatures.EventFork, Errno.EPERM, true, "a seccomp filter does")]
    [InlineData(UffdFeatures.EventFork, Errno.EPERM, false, "CAP_SYS_PTRACE")]
    public void EPERM_of_UFFDIO_API_is_the_kernels_only_for_forks_and_who_lacks_the_capability(
        UffdFeatures asked, Errno error, bool isPrivileged, string expected)
    {
        Confinement who = Confinement.None with { Seccomp = 2, Capabilities = isPrivileged ? ulong.MaxValue : 0 };

        UffdException refused = HandshakeRefusal.Of(asked, error, who);

        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Equal(isPrivileged, refused is UnsupportedMachineException);
        Assert.Equal(error, refused.Error);
    }

    [Fact]
    public void What_bounds_this_process_is_read()
    {
        AddressSpaceFacts facts = AddressSpaceFacts.Read();

        Assert.InRange(facts.Mappings, 10, facts.MaxMappings);
        Assert.InRange(facts.LargestGap, Gib, 1UL << 47);
        Assert.True(facts.Bytes > Gib / 64 && facts.CommitLimit > 0);
    }

    [Theory]
    [InlineData(0x1000, 0x9000, "", null)]
    [InlineData(0x1000, 0xA000, "", "longer than its memory: /memfd:guest ends after 32768 of them, and anonymous memory follows")]
    [InlineData(0x1000, 0xA000, "gap", "longer than its memory: /memfd:guest ends after 32768 of them, and nothing follows")]
    [InlineData(0x0000, 0x9000, "", "the first 4096 bytes")]
    [InlineData(0x1000, 0x9000, "nothing", "nothing is mapped")]
    [InlineData(0x1000, 0x9000, "huge", "is not aligned to the pages of /memfd:guest, which have 2097152 bytes")]
    public void EINVAL_of_REGISTER_names_what_of_the_range_is_not_as_it_was_said(ulong start, ulong end, string there, string? expected)
    {
        MappedRange[] mapped = there switch
        {
            "nothing" => [],
            "gap" => [new(0x1000, 0x9000, "/memfd:guest")],
            // The kernel has split it.
            _ => [new(0x1000, 0x4000, "/memfd:guest"), new(0x4000, 0x9000, "/memfd:guest"), new(0x9000, 0xF000, "")],
        };
        MappedRange[] inRange = [.. mapped.Where(r => r.Start < end && r.End > start)];

        string? why = RegisterRefusal.WhyLayout(start, end, 4096, inRange, there == "huge" ? 2 << 20 : 4096);

        if (expected is null) Assert.Null(why);
        else Assert.Contains(expected, why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, RegisterModes.Minor, UffdFeatures.All, "anonymous memory supports MISSING and WP, not MINOR")]
    [InlineData(
        MemoryBacking.Shmem, RegisterModes.WriteProtect, UffdFeatures.All & ~UffdFeatures.WpHugetlbfsShmem,
        "does not offer WpHugetlbfsShmem, which WP")]
    [InlineData(MemoryBacking.Shmem, RegisterModes.Missing, UffdFeatures.All, null)]
    public void EINVAL_of_REGISTER_names_what_the_memory_or_the_kernel_has_not_got(
        MemoryBacking backing, RegisterModes modes, UffdFeatures offered, string? expected)
    {
        string? why = RegisterRefusal.WhyMemory(backing, modes, offered);

        if (expected is null) Assert.Null(why);
        else Assert.Contains(expected, why, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_process_that_has_all_descriptors_it_may_have_is_told_so_and_can_open_one_later()
    {
        ThisKernel.Require();
        ProcessStartInfo start = Program.AsChild("full");
        start.RedirectStandardOutput = true;
        using Process child = Process.Start(start)!;
        string[] said = (await child.StandardOutput.ReadToEndAsync().WaitAsync(LiveScene.Deadline)).TrimEnd().Split('\n');
        await child.WaitForExitAsync().WaitAsync(LiveScene.Deadline);

        Assert.True(child.ExitCode == 0 && said.Length == 3, $"exit code {child.ExitCode}: {string.Join(" | ", said)}");
        Assert.StartsWith("EINVAL: ", said[0], StringComparison.Ordinal);
        Assert.StartsWith("EMFILE: ", said[1], StringComparison.Ordinal);
        Assert.Contains("RLIMIT_NOFILE", said[1], StringComparison.Ordinal);
        Assert.Equal("opened", said[2]);
    }

    [SkippableFact]
    public async Task A_layout_that_is_longer_than_the_memory_is_told_so()
    {
        ThisKernel.Require();
        const long Page = 4096;
        using MemoryObject file = MemoryObject.CreateShmem("short", 4 * Page);
        // Shared memory, and behind it private memory, which takes no MINOR.
        using GuestMemory both = GuestMemory.MapAnonymous(8 * Page);
        CallResult shared =
            RawCalls.Map(both.Address, 4 * (ulong)Page, Mm.PROT_READ | Mm.PROT_WRITE, Mm.MAP_SHARED | Mm.MAP_FIXED, file.Handle.Number, 0);
        Assert.Equal(Errno.None, shared.Error);
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 1 });
        Userfault uffd = await vm.OpenAsync();
        GuestRegion region = await vm.AdoptMemoryAsync(new AdoptedMemory { Address = both.Address, Pages = 8, Module = "shmem" });

        UffdException refused = await Assert.ThrowsAsync<UffdException>(() => uffd.RegisterAsync(region, RegisterModes.Minor));

        Assert.Equal(("UFFDIO_REGISTER", Errno.EINVAL), (refused.Call, refused.Error));
        Assert.Contains(
            "longer than its memory: /memfd:short (deleted) ends after 16384 of them, and anonymous memory follows", refused.Message,
            StringComparison.Ordinal);
    }
}
