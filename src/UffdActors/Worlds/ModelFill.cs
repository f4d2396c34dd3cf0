using UffdActors.Abi;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;

namespace UffdActors.Worlds;

/// <summary>A fill of the model, for a request or for the push.</summary>
internal class ModelFill : Fill, IPageFill
{
    private readonly UserfaultContext _context;

    public ModelFill(Caller caller, UserfaultContext context, PageRequest? request)
        : base(caller)
    {
        _context = context;
        Request = request;
        ReportsSuccess = request is null;
    }

    /// <inheritdoc />
    public PageRequest? Request { get; }

    /// <inheritdoc />
    // No process, and so no filter, is between the model and its caller.
    public string Denier => "the memory module's own hook, Copy or GetFolio, gave that";

    /// <inheritdoc />
    public void DecideOn(long epoch, bool hasLeftOpen)
    {
        DecidedOn = epoch;
        HasLeftOpen = hasLeftOpen;
    }

    /// <inheritdoc />
    public void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes) =>
        Begin(_context, kind, start, length, source, modes);

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }

    protected override void OnFilled() => Request?.StampInstalled();

    protected override void OnSucceeded() => Request?.Complete();
}
