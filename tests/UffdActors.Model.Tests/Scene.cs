using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Testing.Scenes;

namespace UffdActors.Model.Tests;

/// <summary>A scene on the sequential kernel, for tests that read as sentences: each call runs to its end.</summary>
internal sealed class Scene(
    KernelProfile? profile = null, ContentKind content = ContentKind.Runs, long memory = 4096, long? hugePages = 16, long giantPages = 0)
    : MemoryScene<SequentialKernel>(
        new Machine(profile ?? KernelProfile.Linux618, content, memory, hugePages, giantPages), new SequentialKernel())
{
    public Caller Thread(int number) => Kernel.Attach(new Caller(Mm, number, number));

    /// <summary>Maps anonymous memory, or a file: then the pages are of the file, huge ones where its module's are.</summary>
    public void Map(
        long pages, MemoryFile? file = null, bool shared = true, ulong address = Base, Prot prot = Prot.ReadWrite, long offset = 0) =>
        Assert.Equal(Errno.None, TryMap(pages, file, shared, address, prot, offset));

    /// <summary>Registers pages of <paramref name="stride"/> base pages each.</summary>
    public Register Register(UserfaultContext context, RegisterModes modes, long first = 0, long pages = 4, long stride = 1) =>
        Do(NewRegister(context, modes, first, pages * stride));

    public Fill Fill(
        UserfaultContext context, FillKind kind, long page = 0, long pages = 1, byte value = 7, FillModes modes = FillModes.None,
        Caller? caller = null) =>
        Do(NewFill(caller ?? Main, context, kind, page, pages, value, modes));

    public Access Touch(Caller thread, long page, AccessKind kind = AccessKind.Read, byte value = 1) =>
        Do(NewAccess(thread, page, kind, value));

    public ReadMessages Read(UserfaultContext context, int messages = 16) =>
        Do(new ReadMessages(Main, context, (ulong)(messages * UffdMsg.SizeInBytes)));

    public Errno Wake(UserfaultContext context, long page, long pages = 1) =>
        Do(new Wake(Main, context, At(page), (ulong)pages * Page)).Error;

    public Errno Protect(UserfaultContext context, WriteProtectModes modes, long page = 0, long pages = 1) =>
        Do(new WriteProtect(Main, context, At(page), (ulong)pages * Page, (ulong)modes)).Error;
}
