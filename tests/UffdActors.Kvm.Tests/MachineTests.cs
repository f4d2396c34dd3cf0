using Akka.Actor;
using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;
using UffdActors.Kvm.Runs;
using UffdActors.Linux.Needs;

namespace UffdActors.Kvm.Tests;

/// <summary>What a machine can be made of.</summary>
public sealed class MachineTests
{
    [Fact]
    public void Without_the_device_the_refusal_says_what_to_do()
    {
        UnsupportedMachineException refused =
            Assert.Throws<UnsupportedMachineException>(() => KvmHandle.OpenDevice("/dev/there-is-no-kvm"));
        Assert.Equal(MachineNeed.Kvm, refused.Need);
        Assert.StartsWith("/dev/there-is-no-kvm cannot be opened (ENOENT). ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("kvm", refused.Message[45..], StringComparison.Ordinal);
    }

    [Fact]
    public void What_KVM_lacks_is_named()
    {
        Assert.Null(new KvmOffer(12, [], 4, 16, 500).Problem());
        Assert.Equal("The KVM of this kernel lacks KVM_CAP_XCRS.", new KvmOffer(12, ["KVM_CAP_XCRS"], 4, 16, 500).Problem());
        Assert.Equal("/dev/kvm speaks API version 11, not 12.", new KvmOffer(11, [], 4, 16, 500).Problem());
    }

    [Theory]
    [InlineData(
        "flags\t\t: fpu vmx hypervisor", "kvm_intel",
        "this machine is itself virtual and is offered VMX (nested virtualization); kvm_intel")]
    [InlineData("flags\t\t: fpu svm", "kvm_amd", "this machine is no virtual one and has SVM; kvm_amd")]
    [InlineData(
        "flags\t\t: fpu hypervisor", "kvm_pvm",
        "this machine is itself virtual and is offered neither VMX nor SVM (no nested virtualization); kvm_pvm")]
    [InlineData(
        "flags\t\t: fpu vmx_flags", "ext4",
        "this machine is no virtual one and shows neither VMX nor SVM (switched off in its firmware, perhaps); no module of KVM is loaded")]
    public void What_the_processor_offers_is_told_apart(string flags, string module, string says) => Assert.Equal(
        says, HostVirtualization.Of($"processor\t: 0\n{flags}\nbugs\t\t: svm\n", ["kvm", module]).ToString());

    [SkippableFact]
    public async Task A_borrowed_actor_system_stays_the_lenders_and_has_the_vCPUs_of_two_hosts()
    {
        ThisKvm.Require();
        using ActorSystem system = ActorSystem.Create("lender");
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = 16 });
        KvmMachineOptions options = new() { Memory = [new(memory, 0)] };
        await using (KvmHost one = KvmHost.Borrow(system))
        await using (KvmHost other = KvmHost.Borrow(system))
        {
            await using KvmMachine machine = await one.CreateAsync(options);
            await using KvmMachine beside = await other.CreateAsync(options);
            Assert.All([machine, beside], made => Assert.Equal(VcpuPhase.Paused, Assert.Single(made.Vcpus).Phase));
        }

        Assert.False(system.WhenTerminated.IsCompleted);
    }

    [SkippableFact]
    public async Task Slots_that_cannot_be_are_refused_before_the_kernel_is_asked()
    {
        ThisKvm.Require();
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile("live"));
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        GuestRegion one = await vm.MapAsync(new RegionOptions { Pages = 16 });
        GuestRegion two = await vm.MapAsync(new RegionOptions { Pages = 16 });
        await using KvmHost kvm = KvmHost.Start();

        await RefusedAsync("use a multiple of its page size, 4096.", new KvmSlot(one, 100));
        await RefusedAsync("lies over another slot, or has no end.", new KvmSlot(one, 0), new KvmSlot(two, 0xF000));
        await RefusedAsync("it has 16, and a slot has whole pages of its size, 4096.", new KvmSlot(one, 0) { FirstPage = 10, Pages = 7 });
        await RefusedAsync("Pages 16 to 16 of region", new KvmSlot(one, 0) { FirstPage = 16 });
        await RefusedAsync("Pages -1 to 3 of region", new KvmSlot(one, 0) { FirstPage = -1, Pages = 4 });
        await RefusedAsync(
            "lies over another slot, or has no end.", new KvmSlot(one, 0) { Pages = 9 }, new KvmSlot(one, 0x8000) { FirstPage = 9 });
        await RefusedAsync("A machine needs memory: name at least one slot.");
        KvmMachineOptions many = new() { Memory = [new(one, 0), new(two, 0x10000)], Vcpus = 16 };
        await using KvmMachine apart = await kvm.CreateAsync(many);
        Assert.Equal(16, apart.Vcpus.Count);
        Assert.All(apart.Vcpus, v => Assert.Equal(VcpuPhase.Paused, v.Phase));

        async Task RefusedAsync(string why, params KvmSlot[] slots)
        {
            ArgumentException refused =
                await Assert.ThrowsAsync<ArgumentException>(() => kvm.CreateAsync(new KvmMachineOptions { Memory = slots }));
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public async Task A_machine_that_has_been_disposed_of_has_stopped_and_answers_nothing_else()
    {
        ThisKvm.Require();
        await using Bench bench = await Bench.MakeAsync(c =>
        {
            Iced.Intel.Label again = c.CreateLabel();
            c.Label(ref again);
            c.jmp(again);
        });
        await bench.Machine.ResumeAsync();
        await bench.Machine.DisposeAsync();
        Assert.Equal(VcpuEndKind.Stopped, (await bench.Machine.Vcpus[0].Ended).Kind);
        await bench.Machine.StopAsync();
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => bench.Machine.SaveAsync());
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => bench.Machine.ResumeAsync());
    }
}
