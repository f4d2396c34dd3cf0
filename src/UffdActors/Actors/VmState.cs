using System.Globalization;
using System.Text;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Actors;

/// <summary>What a VM looked like when it failed, for finding out why. Reads published state only, so from any turn.</summary>
internal static class VmState
{
    /// <summary>Lines of text: the operation that failed, then every VMA, then every context.</summary>
    public static string Describe(IReadOnlyList<Owner> owners, object? message)
    {
        StringBuilder text = new();
        if (message is Operation operation)
            text.AppendLine(CultureInfo.InvariantCulture, $"{operation.GetType().Name} of {operation.Origin}, in a turn of {operation.At}");
        foreach (Owner owner in owners)
        {
            if (owner is AddressSpace mm)
            {
                foreach (Vma vma in mm.Map.Vmas)
                    text.AppendLine(
                        CultureInfo.InvariantCulture, $"{mm}: {vma}, {vma.Prot}, {vma.Owner}{(vma.Context is { } c ? $", {c}" : "")}");
            }
            else if (owner is UserfaultContext context)
            {
                text.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"{context}: {context.Pending} unread of {context.Total} sleeping threads, {context.UnreadEvents} unread events, "
                        + $"{(context.IsChanging ? "changing" : "not changing")}{(context.IsReleased ? ", released" : "")}");
            }
        }

        return text.ToString();
    }
}
