using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>Pushes that wait for demands (<see cref="PushGate"/>).</summary>
/// <remarks>A struct: a page that is done with is counted as directly as in a field of the reader.</remarks>
internal readonly struct PushGates()
{
    private readonly List<PushGate> _waiting = [];

    /// <summary>A push wants to begin a chunk: it may when the demands that are outstanding now have been served.</summary>
    /// <param name="gate">Its gate.</param>
    /// <param name="demands">How many are outstanding.</param>
    /// <param name="firstLater">Id of the next one to come, which is not waited for.</param>
    public void Await(PushGate gate, int demands, long firstLater)
    {
        IActorRef push = gate.Push;
        // A push that has lost its patience comes with a new gate.
        _ = _waiting.RemoveAll(g => g.Push.Equals(push));
        if (gate.Begin(demands, firstLater)) gate.Open();
        else _waiting.Add(gate);
    }

    /// <summary>A demand has been served, or is not waited for any more.</summary>
    public void Served(long id)
    {
        for (int i = _waiting.Count - 1; i >= 0; i--)
        {
            if (!_waiting[i].Served(id)) continue;
            _waiting[i].Open();
            _waiting.RemoveAt(i);
        }
    }
}
