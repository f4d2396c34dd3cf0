namespace UffdActors.Model.Userfault;

/// <summary>In which queue a sleeping thread is.</summary>
internal enum WaitState : byte
{
    None,
    Pending,
    Read,
}
