namespace UffdActors.Hosting;

/// <summary>A VM that is made when the host starts.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Options">What it is made of.</param>
/// <param name="SetUp">Maps its memory and serves it.</param>
internal sealed record DeclaredVm(
    string Name, Func<IServiceProvider, VmOptions> Options, Func<UffdVm, IServiceProvider, CancellationToken, Task> SetUp);
