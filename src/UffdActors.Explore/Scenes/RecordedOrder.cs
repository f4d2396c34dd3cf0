using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Policies;

namespace UffdActors.Explore.Scenes;

/// <summary>The order of a run: its policy's proposals, recorded; or the given choices. Holds the message that is next.</summary>
internal sealed class RecordedOrder(ChoiceStream choices) : ISteppedPolicy
{
    private const int MostInARow = 3;

    private int _inARow;

    /// <summary>Proposes; not used for a given run.</summary>
    public SchedulePolicy Policy { get; set; } = new FifoOrder();

    /// <summary>Number of the step that is chosen for.</summary>
    public int StepNumber { get; set; }

    /// <summary>Label of the actor that was chosen.</summary>
    public int Label { get; private set; }

    /// <summary>The message that it gets; null for housekeeping.</summary>
    public object? Message { get; private set; }

    /// <summary>Called with the message that goes next, before its actor gets it.</summary>
    public Action<object?>? Chosen { get; set; }

    /// <summary>A run begins.</summary>
    public void Begin()
    {
        Message = null;
        _inARow = 0;
    }

    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready)
    {
        int index = 0;
        if (ready.Count > 1)
        {
            if (!choices.TryGiven(ready.Count, out index)) index = choices.Record(ready.Count, Policy.Choose(ready, StepNumber));
            // An actor that waits for a guard sends itself a message. Choosing it again and again reaches no new state, and would never
            // end.
            if (_inARow >= MostInARow && ReferenceEquals(ready[index].Message, Message)) index = (index + 1) % ready.Count;
        }

        SteppedTask task = ready[index];
        object? message = task.Message;
        _inARow = message is not null && ReferenceEquals(message, Message) && task.Label == Label ? _inARow + 1 : 0;
        Label = task.Label;
        Message = message;
        Chosen?.Invoke(message);
        return index;
    }
}
