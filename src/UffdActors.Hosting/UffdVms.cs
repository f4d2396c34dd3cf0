using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace UffdActors.Hosting;

/// <summary>
/// The VMs of a host, by name. What goes wrong in one is logged, with the kind of the incident as event, and counts for the health check;
/// when the host stops they are disposed of.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class UffdVms : IAsyncDisposable
{
    private const int LinesUnderWay = 1024;

    private readonly UffdRuntime _runtime;
    private readonly ILogger<UffdVms> _logger;
    private readonly ConcurrentDictionary<string, UffdVm> _vms = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, VmTrouble> _troubles = new(StringComparer.Ordinal);
    private readonly Channel<(string Vm, Incident Incident)> _lines = Channel.CreateBounded<(string, Incident)>(
        new BoundedChannelOptions(LinesUnderWay) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly Task _writing;

    /// <summary>Made by the host.</summary>
    public UffdVms(UffdRuntime runtime, ILogger<UffdVms> logger)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        _runtime = runtime;
        _logger = logger;
        _writing = WriteAsync();
    }

    /// <summary>The names of the VMs that there are.</summary>
    public IReadOnlyCollection<string> Names => [.. _vms.Keys];

    /// <summary>A VM.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public UffdVm this[string name] => _vms.TryGetValue(name, out UffdVm? vm)
        ? vm
        : throw new KeyNotFoundException($"There is no VM \"{name}\"; there are: {string.Join(", ", _vms.Keys)}.");

    /// <summary>Makes a VM.</summary>
    /// <param name="name">What it is called here.</param>
    /// <param name="options">What it is made of. Its observer is told of incidents too.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ArgumentException">There is one of that name.</exception>
    public async Task<UffdVm> CreateAsync(string name, VmOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(options);
        VmTrouble trouble = new();
        if (!_troubles.TryAdd(name, trouble)) throw new ArgumentException($"There is a VM \"{name}\" already.", nameof(name));
        Action<Incident>? observer = options.IncidentObserver;
        try
        {
            // Called on the fault loop: what takes time is left to the writer.
            UffdVm vm = await _runtime.CreateVmAsync(
                options with
                {
                    IncidentObserver = incident =>
                    {
                        trouble.Note(incident);
                        _ = _lines.Writer.TryWrite((name, incident));
                        observer?.Invoke(incident);
                    },
                },
                cancellationToken);
            _vms[name] = vm;
            UffdLog.VmMade(_logger, name, vm.Place.World, vm.Place.Kernel);
            return vm;
        }
        catch
        {
            _ = _troubles.TryRemove(name, out _);
            throw;
        }
    }

    /// <summary>Disposes of a VM.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public async Task RemoveAsync(string name)
    {
        UffdVm vm = this[name];
        await vm.DisposeAsync();
        _ = _vms.TryRemove(name, out _);
        _ = _troubles.TryRemove(name, out _);
        UffdLog.VmGone(_logger, name);
    }

    /// <summary>Disposes of all VMs, and writes what is still to be written.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (string name in Names) await RemoveAsync(name);
        _ = _lines.Writer.TryComplete();
        await _writing;
    }

    /// <summary>What is wrong with each VM, in a sentence; nothing of those that are well. No call waits for a VM.</summary>
    internal IEnumerable<(string Name, bool HasFailed, string Message)> Troubles()
    {
        foreach ((string name, UffdVm vm) in _vms)
        {
            if (vm.Failed.IsCompletedSuccessfully) yield return (name, true, "has failed closed");
            else if (_troubles.TryGetValue(name, out VmTrouble? trouble) && trouble.Message is { } message)
                yield return (name, false, message);
        }
    }

    private async Task WriteAsync()
    {
        await foreach ((string vm, Incident incident) in _lines.Reader.ReadAllAsync()) UffdLog.Write(_logger, vm, incident);
    }
}
